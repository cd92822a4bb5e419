"""List prices of AWS, us-east-1, on 2026-11-22, in US dollars; no free tier, no discounts.

https://aws.amazon.com/{dynamodb,lambda,api-gateway,sqs,eventbridge,step-functions,secrets-manager,s3,xray}/pricing/
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Mapping

DATED: Final = "2026-11-22"
REGION: Final = "us-east-1"
_MILLION: Final = 1e-6

WRITE_UNIT: Final = 0.625 * _MILLION
READ_UNIT: Final = 0.125 * _MILLION
REQUEST: Final[Mapping[str, float]] = {
    "apigateway": 1.00 * _MILLION,  # HTTP API, 512 kB
    "events": 1.00 * _MILLION,  # a custom event, 64 kB
    "lambda": 0.20 * _MILLION,
    "s3": 5.00 * _MILLION,  # the dearest kind, PUT
    "secretsmanager": 5.00 * _MILLION,
    "sqs": 0.40 * _MILLION,  # standard queue, 64 kB
    "states": 1.00 * _MILLION,  # an Express execution
}
LAMBDA_GB_S: Final = 13.33 * _MILLION
"""arm64, first tier."""
EXPRESS_GB_S: Final = 16.67 * _MILLION
EXPRESS_MB: Final = 64
"""Express memory is billed by chunks of this size; an execution that carries ids needs one."""
EXPRESS_STEP_MS: Final = 100
"""Express durations are rounded up to this."""
TRACE: Final = 5.00 * _MILLION
"""A trace that X-Ray recorded."""
STANDARD_TRANSITION: Final = 25.00 * _MILLION
"""For comparison only: no Standard workflow is on the path."""
