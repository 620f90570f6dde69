"""Starts the Redfish server of sushy-tools on a free port of 127.0.0.1, with its fake driver, Basic and TLS.

Its configuration comes as one JSON line on standard input, never in argv, where every process could read the password:
  certificate  PEM file of the server's chain; key: PEM file of its key
  user, password
  systems      [{uuid, name, power_state}]
  state        an empty directory for its password file and its database
When it listens it prints one JSON line, {"port": N}. It ends when its standard input does, so that it cannot outlive
the test that started it.
"""

import json
import os
import ssl
import sys
import threading

import bcrypt
from sushy_tools.emulator.main import app
from werkzeug.serving import WSGIRequestHandler, make_server

# The cheapest that bcrypt knows: the server hashes the password again for every request.
BCRYPT_ROUNDS = 4


def password_file(config):
    """Writes the password file in the only form that the server takes, and says where it is."""
    path = os.path.join(config["state"], "htpasswd")
    digest = bcrypt.hashpw(config["password"].encode(), bcrypt.gensalt(rounds=BCRYPT_ROUNDS)).decode()
    with open(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w", encoding="utf-8") as file:
        file.write(f"{config['user']}:{digest}\n")
    return path


def system(entry):
    """A machine as the fake driver wants it: it notifies nobody."""
    return {**entry, "external_notifier": False, "nics": []}


def end_with_standard_input():
    """Waits for the end of standard input, then ends the process."""
    sys.stdin.read()
    os._exit(0)


def main():
    """Reads the configuration, listens, says where, and serves."""
    config = json.loads(sys.stdin.readline())
    threading.Thread(target=end_with_standard_input, daemon=True).start()
    app.configure(extra_config={
        "SUSHY_EMULATOR_AUTH_FILE": password_file(config),
        "SUSHY_EMULATOR_FAKE_DRIVER": True,
        "SUSHY_EMULATOR_FAKE_SYSTEMS": [system(entry) for entry in config["systems"]],
        "SUSHY_EMULATOR_STATE_DIR": config["state"],
    })
    tls = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    tls.load_cert_chain(config["certificate"], config["key"])
    # A request line in the log would hold what the tests look for elsewhere; the server's own log stays quiet.
    WSGIRequestHandler.log_request = lambda *_arguments: None
    server = make_server("127.0.0.1", 0, app, threaded=True, ssl_context=tls)
    print(json.dumps({"port": server.server_port}), flush=True)
    server.serve_forever()


if __name__ == "__main__":
    main()
