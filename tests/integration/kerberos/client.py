"""client.py - logs in to an SMTP server by GSSAPI (RFC 4752) over TLS from the first octet, also in ways that no honest client would.

usage: client.py PORT CA_FILE [--service NAME] [--authzid NAME] [--save FILE] [--send FILE] [--layer N]
Prints the last reply. --save keeps the first token and ends there; --send says a kept one instead of an own.
"""
import argparse
import base64
import smtplib
import ssl
from pathlib import Path

import gssapi

parser = argparse.ArgumentParser()
parser.add_argument('port', type=int)
parser.add_argument('ca')
parser.add_argument('--service', default='smtp')
parser.add_argument('--authzid', default='')
parser.add_argument('--save')
parser.add_argument('--send')
parser.add_argument('--layer', type=int, default=1)
options = parser.parse_args()


def encoded(octets):
    return base64.b64encode(octets or b'').decode()


context = None
if options.send:
    token = Path(options.send).read_bytes()
else:
    name = gssapi.Name(f'{options.service}@localhost', gssapi.NameType.hostbased_service)
    context = gssapi.SecurityContext(name=name, usage='initiate', flags=[gssapi.RequirementFlag.mutual_authentication, gssapi.RequirementFlag.integrity])
    token = context.step()
if options.save:
    Path(options.save).write_bytes(token)
    raise SystemExit
client = smtplib.SMTP_SSL('localhost', options.port, timeout=30, context=ssl.create_default_context(cafile=options.ca))
client.ehlo('client.example')
if 'GSSAPI' not in client.esmtp_features.get('auth', ''):
    raise SystemExit('GSSAPI is not offered')
code, text = client.docmd('AUTH', 'GSSAPI ' + encoded(token))
while code == 334 and context:
    challenge = base64.b64decode(text)
    if not context.complete:
        answer = context.step(challenge) or b''
    else:
        offered = context.unwrap(challenge).message
        if offered[0] != 1:
            raise SystemExit(f'offered: {offered!r}')
        answer = context.wrap(bytes([options.layer, 0, 0, 0]) + options.authzid.encode(), False).message
    code, text = client.docmd(encoded(answer))
print(code, text.decode())
