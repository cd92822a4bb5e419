"""Gives an HTTP API the routes, authorizers and CORS of its OpenAPI body, which the engine's CloudFormation ignores."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Final

from infra.local.engine import REGION

if TYPE_CHECKING:
    from collections.abc import Mapping

METHODS: Final = ("get", "put", "post", "delete", "options", "head", "patch", "x-amazon-apigateway-any-method")
ACCOUNT: Final = "000000000000"
PSEUDO: Final = {
    "AWS::Region": REGION,
    "AWS::Partition": "aws",
    "AWS::AccountId": ACCOUNT,
    "AWS::URLSuffix": "amazonaws.com",
}
CORS_KEYS: Final = ("allowCredentials", "allowHeaders", "allowMethods", "allowOrigins", "exposeHeaders", "maxAge")


@dataclass(frozen=True, slots=True)
class Resolver:
    """Evaluates the few intrinsic functions that an OpenAPI body may hold."""

    names: Mapping[str, str]

    def __call__(self, value: Any) -> Any:
        """Whatever `value` stands for."""
        match value:
            case {"Ref": name}:
                return self.names[name]
            case {"Fn::Sub": str(text)}:
                return self._substitute(text, {})
            case {"Fn::Sub": [str(text), dict(local)]}:
                return self._substitute(text, {key: self(item) for key, item in local.items()})
            case {"Fn::Join": [str(glue), list(parts)]}:
                return glue.join(str(self(part)) for part in parts)
            case {"Fn::GetAtt": [str(name), *_]}:
                return self._attribute(name)
            case dict():
                return {key: self(item) for key, item in value.items()}
            case list():
                return [self(item) for item in value]
        return value

    def _substitute(self, text: str, local: Mapping[str, str]) -> str:
        def replace(match: re.Match[str]) -> str:
            name = match[1]
            if name in local:
                return local[name]
            base, _, attribute = name.partition(".")
            return self._attribute(base) if attribute else self.names[name]

        return re.sub(r"\$\{([^}!]+)\}", replace, text)

    def _attribute(self, name: str) -> str:
        """An attribute, by its resource: only functions are named so in an OpenAPI body, by their ARN."""
        return f"arn:aws:lambda:{REGION}:{ACCOUNT}:function:{self.names[name]}"


@dataclass(slots=True)
class Api:
    """One API on the engine, being brought in line with its OpenAPI body."""

    gateway: Any
    api_id: str
    integrations: dict[str, str] = field(default_factory=dict)
    authorizers: dict[str, str] = field(default_factory=dict)

    def clear(self) -> None:
        """Remove what an earlier deployment made."""
        for kind in ("Route", "Integration", "Authorizer"):
            items = getattr(self.gateway, f"get_{kind.lower()}s")(ApiId=self.api_id)["Items"]
            for item in items:
                key = f"{kind}Id"
                getattr(self.gateway, f"delete_{kind.lower()}")(**{"ApiId": self.api_id, key: item[key]})

    def authorize(self, schemes: Mapping[str, Any]) -> None:
        """Make the JWT authorizers among the security schemes."""
        for name, scheme in schemes.items():
            spec = scheme.get("x-amazon-apigateway-authorizer", {})
            if spec.get("type") != "jwt":
                continue
            made = self.gateway.create_authorizer(
                ApiId=self.api_id,
                Name=name,
                AuthorizerType="JWT",
                IdentitySource=[spec["identitySource"]],
                JwtConfiguration={
                    "Issuer": spec["jwtConfiguration"]["issuer"],
                    "Audience": spec["jwtConfiguration"].get("audience", []),
                },
            )
            self.authorizers[name] = made["AuthorizerId"]

    def route(self, method: str, path: str, operation: Mapping[str, Any]) -> None:
        """Make one route, with its integration unless another route of the same function has made it."""
        spec = operation["x-amazon-apigateway-integration"]
        if spec["uri"] not in self.integrations:
            made = self.gateway.create_integration(
                ApiId=self.api_id,
                IntegrationType="AWS_PROXY",
                IntegrationUri=spec["uri"],
                PayloadFormatVersion=spec.get("payloadFormatVersion", "2.0"),
            )
            self.integrations[spec["uri"]] = made["IntegrationId"]
        verb = "ANY" if method.startswith("x-") else method.upper()
        request: dict[str, Any] = {
            "ApiId": self.api_id,
            "RouteKey": "$default" if path == "/$default" else f"{verb} {path}",
            "Target": f"integrations/{self.integrations[spec['uri']]}",
        }
        for requirement in operation.get("security", []):
            for name, scopes in requirement.items():
                if name in self.authorizers:
                    request |= {"AuthorizationType": "JWT", "AuthorizerId": self.authorizers[name]}
                    request |= {"AuthorizationScopes": scopes} if scopes else {}
        self.gateway.create_route(**request)


def configure(
    gateway: Any, template: Mapping[str, Any], names: Mapping[str, str], resources: Mapping[str, str]
) -> str | None:
    """Configure every HTTP API of a processed template; return the id of the last, or None.

    `names` are the values of its parameters, and of the pseudo parameters that are the stack's own.
    """
    defaults = {key: str(item["Default"]) for key, item in template.get("Parameters", {}).items() if "Default" in item}
    resolve = Resolver({**PSEUDO, **defaults, **names, **resources})
    api_id = None
    for name, resource in template["Resources"].items():
        body = resource.get("Properties", {}).get("Body")
        if resource["Type"] != "AWS::ApiGatewayV2::Api" or not body:
            continue
        api_id = resources[name]
        api = Api(gateway, api_id)
        openapi = resolve(body)
        api.clear()
        api.authorize(openapi.get("components", {}).get("securitySchemes", {}))
        for path, operations in openapi.get("paths", {}).items():
            for method in METHODS:
                if "x-amazon-apigateway-integration" in operations.get(method, {}):
                    api.route(method, path, operations[method])
        _allow_origins(gateway, api_id, openapi.get("x-amazon-apigateway-cors", {}))
    return api_id


def _allow_origins(gateway: Any, api_id: str, cors: Mapping[str, Any]) -> None:
    if cors:
        settings = {key[0].upper() + key[1:]: cors[key] for key in CORS_KEYS if key in cors}
        gateway.update_api(ApiId=api_id, CorsConfiguration=settings)
