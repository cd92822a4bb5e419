"""Bodies of deliveries and documents of vendors, damaged in every way, read by what reads them in earnest.

Damage is done to the structure (a field gone, doubled, renamed, of another kind, with a value that the field has at
another vendor) and to the bytes. What ends in a way that was not seen before is damaged further. A salt decides all.
"""
