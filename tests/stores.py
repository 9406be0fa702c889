"""Stores with the tables of the kinds that are installed where the tests run."""

from functools import partial

from optin.services import open_store as opening
from optin.store.schema_sets import names_of
from tests.installed import KINDS

SCHEMA = KINDS.schema
MIGRATION_NAMES = names_of(SCHEMA.steps)
open_store = partial(opening.open_store, schema=SCHEMA)
connect = partial(opening.connect, schema=SCHEMA)
