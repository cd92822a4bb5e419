"""The engine's own process: `python -m infra.local.launch`, started and stopped by infra/local/engine.py.

Settings come from the environment, as the engine reads them while it is imported.
"""

from __future__ import annotations

import asyncio
import importlib
import os
import resource
import signal
import threading

from infra.local import gateway, patches


def main() -> None:
    """Load the engine, mend it, and serve until SIGTERM; the state is saved on the way out."""
    host, port, api_port = os.environ["BIND_HOST"], int(os.environ["GATEWAY_PORT"]), int(os.environ["OMS_API_PORT"])
    engine = importlib.import_module("ministack.app")
    patches.apply()
    for name in os.environ.get("OMS_ENGINE_PLUGINS", "").split():
        importlib.import_module(name).install()  # measuring: nothing of the product knows of it
    config = importlib.import_module("hypercorn.config").Config()
    config.bind = [f"{host}:{port}", f"{host}:{api_port}"]
    config.keep_alive_timeout = 75
    config.graceful_timeout = 2
    config.loglevel = "WARNING"
    config.accesslog = None
    _, most = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (most, most))
    threading.Thread(target=_stop_with_parent, daemon=True).start()
    serve = importlib.import_module("hypercorn.asyncio").serve
    asyncio.run(serve(gateway.root_paths(engine.app, api_port), config))


def _stop_with_parent() -> None:
    """Whoever started us holds the other end of our standard input: when it is gone, nobody needs us any more."""
    os.read(0, 1)
    os.kill(os.getpid(), signal.SIGTERM)


if __name__ == "__main__":
    main()
