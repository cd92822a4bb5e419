"""Payment providers: how each signs and words its events. Pure; calls out are made by `oms.adapters`."""
