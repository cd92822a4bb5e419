# in: layers/oms/python/oms/channels/sample.py
import hashlib
import hmac


def verify(secret: bytes, body: bytes, signature: str, known: list[str]) -> bool:
    expected = hmac.new(secret, body, hashlib.sha256).hexdigest()
    # ruleid: digest-compare
    if expected == signature:
        return True
    # ruleid: digest-compare
    if hmac.new(secret, body, hashlib.sha256).hexdigest() != expected:
        return False
    # ruleid: digest-compare
    if signature in known:
        return True
    # ok: digest-compare
    if signature == "":
        return False
    # ok: digest-compare
    if len(known) == 2:
        return False
    # ok: digest-compare
    return hmac.compare_digest(expected, signature)
