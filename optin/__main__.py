"""Run optin as a module: python -m optin."""

from optin.app.main import main

main()
