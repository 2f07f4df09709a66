"""The verbs of `DataChain`, one class for each family; `lakebed.chain` puts them together.

A verb coerces its arguments, delegates to the native chain and wraps the one it returns.
Its docstring is the contract.
"""
