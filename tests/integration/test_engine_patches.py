"""Each patch of the engine is still needed: when one of these fails, the engine has changed, and the patch may go."""

from __future__ import annotations

import importlib
import inspect

import pytest

from infra.local import patches


@pytest.mark.parametrize("place", [*patches.REWRITES, *patches.PLACES], ids=lambda place: f"{place.name}: {place.why}")
def test_the_engine_still_reads_as_when_the_patch_was_written(place: patches.Place) -> None:
    assert place.needed()


def test_cloudformation_still_ignores_the_body_of_an_http_api() -> None:
    provisioners = importlib.import_module("ministack.services.cloudformation.provisioners")

    assert '"Body"' not in inspect.getsource(provisioners._apigw_v2_api_create)


def test_the_numbers_that_the_patches_change_are_still_what_they_were() -> None:
    assert importlib.import_module("ministack.services.lambda_svc")._ESM_SQS_DEFAULT_CONCURRENCY == 5
    assert importlib.import_module("ministack.services.lambda_svc")._ESM_IDLE_WAKE_GAP_SECONDS == 0.05
    assert importlib.import_module("ministack.services.scheduler")._SCHEDULE_TICK_INTERVAL == 10
    assert importlib.import_module("ministack.services.eventbridge")._SCHEDULER_TICK_INTERVAL == 10


def test_a_patch_without_its_place_refuses_to_run(monkeypatch: pytest.MonkeyPatch) -> None:
    place = patches.Place(
        why="an example", module="ministack.core.lambda_runtime", name="Worker.invoke", old="not there"
    )
    monkeypatch.setattr(patches, "PLACES", (place,))
    monkeypatch.setattr(patches, "REWRITES", ())

    with pytest.raises(patches.PatchObsoleteError, match="an example"):
        patches.apply()
