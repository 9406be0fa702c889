"""Run optin as a module: python -m optin."""

from optin.cli import main

main()
