"""How many lines of a file of JSON lines a schema (2020-12) takes, and how many it does not."""

import json
import sys

from jsonschema import Draft202012Validator

schema, lines = sys.argv[1:]
with open(schema, encoding="utf-8") as file:
    schema = json.load(file)
Draft202012Validator.check_schema(schema)
validator = Draft202012Validator(schema)
valid = invalid = 0
with open(lines, encoding="utf-8") as file:
    for line in file:
        errors = [error.message for error in validator.iter_errors(json.loads(line))]
        if errors:
            invalid += 1
            print(errors[0], file=sys.stderr)
        else:
            valid += 1
print(f"valid {valid} invalid {invalid}")
