# in: layers/oms/python/oms/entrypoints/sample.py
import os
import pickle
import subprocess
from typing import Any

import jwt
import yaml


def read(body: bytes, token: str, key: Any) -> list[Any]:
    return [
        # ruleid: no-code-from-data
        pickle.loads(body),
        # ruleid: no-code-from-data
        yaml.load(body),
        # ruleid: no-code-from-data
        eval(body),
        # ruleid: no-code-from-data
        os.system("date"),
        # ruleid: no-code-from-data
        subprocess.run(["date"]),
        # ruleid: no-code-from-data
        jwt.decode(token, key),
        # ruleid: no-code-from-data
        jwt.decode(token, key, algorithms=["RS256"], options={"verify_signature": False}),
        # ok: no-code-from-data
        jwt.decode(token, key, algorithms=["RS256"], audience="client"),
        # ok: no-code-from-data
        yaml.safe_load(body),
    ]
