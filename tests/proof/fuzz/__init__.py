"""Requests made of the published contract, sent to a running system; what it answers, held against that contract."""
