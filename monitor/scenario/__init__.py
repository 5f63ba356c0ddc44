"""Rules unit-tested: values in, expected incidents and messages out (docs/scenarios.md)."""
