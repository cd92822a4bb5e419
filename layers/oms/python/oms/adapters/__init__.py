"""Ports made real: DynamoDB, S3, Step Functions, secrets, vendors' HTTP APIs."""
