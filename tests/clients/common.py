"""What each client's script gets and gives: a question as JSON on standard input, an answer as JSON on standard output."""

import json
import sys

question = json.load(sys.stdin)
url: str = question["url"]
grpc_address: str = question["grpc"]
texts: list[str] = question["texts"]
adapter: str = question["adapter"]


def answer(**fields):
    json.dump(fields, sys.stdout)
