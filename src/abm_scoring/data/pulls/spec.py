"""What to pull from a CRM, and where to. Secrets stand in environment variables only."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field, StringConstraints, field_validator

from abm_scoring.spec import Spec

Variable = Annotated[str, StringConstraints(pattern=r"^[A-Za-z_][A-Za-z0-9_]*$")]
Name = Annotated[str, StringConstraints(pattern=r"^[A-Za-z][A-Za-z0-9_]*$")]


class _Pull(Spec):
    to: str = Field(pattern=r"\.parquet$", description="Parquet file under the data root that the records are kept in")
    page_size: int = Field(100, ge=1, le=2000, description="records a request; HubSpot gives at most 100")
    timeout_seconds: float = Field(30, gt=0, description="longest that one request may take")
    attempts: int = Field(8, ge=1, le=20, description="how often a request is tried before the pull gives up")


class HubSpotPull(_Pull):
    """Records of one kind from HubSpot, with a private app's token."""

    kind: Literal["hubspot"]
    object: Name = Field(description="companies, contacts, deals, or the name of another kind of record")
    properties: tuple[Name, ...] = Field(min_length=1, description="internal names of the properties to take")
    companies: bool = Field(
        False, description="also ask for the company of each record, as associatedcompanyid; deals need it"
    )
    token_env: Variable = Field("HUBSPOT_TOKEN", description="environment variable that holds the access token")
    host: str = Field("https://api.hubapi.com", pattern=r"^https?://", description="address of the service")

    @field_validator("page_size")
    @classmethod
    def _page(cls, size: int) -> int:
        return min(size, 100)

    @property
    def modified(self) -> str:
        """The property that tells when a record changed."""
        return "lastmodifieddate" if self.object == "contacts" else "hs_lastmodifieddate"


class SalesforcePull(_Pull):
    """Records of one kind from Salesforce, with an access token or a connected app's key and secret."""

    kind: Literal["salesforce"]
    object: Name = Field(description="API name, e.g. Account, Contact, Opportunity, Task")
    fields: tuple[Name, ...] = Field(min_length=1, description="API names of the fields to take")
    url_env: Variable = Field(
        "SALESFORCE_URL", description="variable with the instance's address, e.g. https://my.my.salesforce.com"
    )
    token_env: Variable | None = Field("SALESFORCE_TOKEN", description="variable with an access token")
    key_env: Variable | None = Field(
        None, description="variable with a connected app's consumer key, instead of a token"
    )
    secret_env: Variable | None = Field(None, description="variable with its consumer secret")


Pull = Annotated[HubSpotPull | SalesforcePull, Field(discriminator="kind")]
