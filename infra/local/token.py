"""`make token ROLE=…`: a token for the staff API, and a sign-in for the console."""

from __future__ import annotations

import sys

from infra.local.system import SystemMissingError, find

ROLES = ("admin", "service", "warehouse", "finance", "sales", "shop")


def main(arguments: list[str]) -> int:
    """Print them; 2 for a role that there is none of."""
    if len(arguments) != 1 or arguments[0] not in ROLES:
        print(f"usage: make token ROLE={'|'.join(ROLES)}", file=sys.stderr)
        return 2
    try:
        system = find()
        name = f"{arguments[0]}-console"
        password, token = system.sign_in(arguments[0], name)
    except SystemMissingError as missing:
        print(missing, file=sys.stderr)
        return 1
    print(f"console  {system.api_url}/console  user {name}  password {password}", file=sys.stderr)
    print(token)
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
