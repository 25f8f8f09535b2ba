"""mail.py - the messages that every client sends and fetches, and how what came back is compared: octet for octet, by hash.

The suite puts trace fields in front of a message (RFC 5321 4.4), so what was sent is the end of what is fetched.
"""
import base64
import hashlib
import os
import random
import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))
from suite import check, wait_until  # noqa: E402,F401

MEBIBYTE = 1 << 20


def _crlf(text):
    return text.replace('\n', '\r\n').encode()


def _head(name, token, more=''):
    return _crlf(f'From: Alice <alice@example.test>\nTo: Bob <bob@example.test>\nSubject: {name} {token}\nDate: Sat, 21 Nov 2026 12:00:00 +0000\n'
                 f'Message-ID: <{name}.{token}@example.test>\nMIME-Version: 1.0\n{more}')


def _base64_lines(octets):
    text = base64.b64encode(octets)
    return b''.join(text[at:at + 76] + b'\r\n' for at in range(0, len(text), 76))


def corpus():
    """name -> the message as octets with CRLF line ends; fresh Message-IDs each time."""
    token = os.urandom(6).hex()
    pick = random.Random(token)
    plain = 'Content-Type: text/plain; charset=utf-8\n'
    messages = {}
    messages['plain'] = _head('plain', token, plain) + _crlf('\nHello Bob,\n\nthis is all.\n')
    messages['empty-body'] = _head('empty-body', token) + b'\r\n'
    messages['dots'] = _head('dots', token, plain) + _crlf('\n.\n..\n.leading\n...\nend.\n.\n')
    messages['utf8'] = _head('utf8', token, plain + 'Content-Transfer-Encoding: 8bit\n') + _crlf('\nGrüße aus Zürich, 你好, Привет, 🦫\n' * 50)
    messages['latin1'] = (_head('latin1', token, 'Content-Type: text/plain; charset=iso-8859-1\nContent-Transfer-Encoding: 8bit\n') +
                          b'\r\n' + bytes(range(0xA0, 0x100)) + b'\r\n')
    messages['encoded-header'] = (_head('encoded-header', token, 'X-Note: =?utf-8?B?R3LDvMOfZQ==?=\n =?utf-8?Q?aus_Z=C3=BCrich?=\n' + plain) +
                                  _crlf('\nbody\n'))
    messages['long-lines'] = _head('long-lines', token, plain) + b'\r\n' + b''.join(
        bytes([97 + at % 26]) * length + b'\r\n' for at, length in enumerate((997, 998, 1, 998, 500)))
    attachment = pick.randbytes(300_000)
    messages['attachment'] = (
        _head('attachment', token, 'Content-Type: multipart/mixed; boundary="==b=="\n') +
        _crlf('\nThis is MIME.\n--==b==\nContent-Type: text/plain; charset=utf-8\nContent-Transfer-Encoding: 8bit\n\nsee attachment ✓\n--==b==\n'
              'Content-Type: application/octet-stream\nContent-Transfer-Encoding: base64\n'
              'Content-Disposition: attachment; filename*=utf-8\'\'B%C3%A4r.bin\n\n') +
        _base64_lines(attachment) + _crlf('--==b==--\n'))
    messages['ten-mebibytes'] = (_head('ten-mebibytes', token, 'Content-Type: application/octet-stream\nContent-Transfer-Encoding: base64\n') +
                                 b'\r\n' + _base64_lines(pick.randbytes(10 * MEBIBYTE * 3 // 4)))
    return messages


def message_id(message):
    for line in message.split(b'\r\n'):
        if line.lower().startswith(b'message-id:'):
            return line.split(b':', 1)[1].strip().decode()
        if not line:
            break
    raise AssertionError('a message without Message-ID')


def digest(octets):
    return hashlib.sha256(octets).hexdigest()


def canonical(octets):
    """CRLF line ends, for clients that store with LF."""
    return octets.replace(b'\r\n', b'\n').replace(b'\n', b'\r\n')


def same(sent, fetched, what):
    """What was sent is the end of what was fetched, and before it stand trace fields alone."""
    check(len(fetched) >= len(sent), f'{what}: {len(fetched)} octets came back of {len(sent)}')
    check(digest(fetched[len(fetched) - len(sent):]) == digest(sent), f'{what}: the content differs')
    for line in fetched[:len(fetched) - len(sent)].split(b'\r\n'):
        name = line.split(b':')[0].lower()
        check(line[:1] in (b'', b' ', b'\t') or name in (b'return-path', b'delivered-to', b'x-original-to', b'received', b'received-spf', b'authentication-results'),
              f'{what}: an unexpected field in front: {line[:80]!r}')


def fetch_all(sandbox, user, count, seconds=30.0):
    """The messages in INBOX over IMAP as Message-ID -> octets, as soon as there are `count`."""
    client = sandbox.imap(user)
    try:
        def arrived():
            client.noop()
            return int(client.select('INBOX')[1][0]) >= count
        wait_until(arrived, f'{count} messages for {user}', seconds)
        data = client.fetch('1:*', '(BODY.PEEK[])')[1]
        return {message_id(part[1]): part[1] for part in data if isinstance(part, tuple)}
    finally:
        client.logout()


def empty(sandbox, *users):
    for user in users or (sandbox.env['USER1'], sandbox.env['USER2']):
        client = sandbox.imap(user)
        if int(client.select('INBOX')[1][0]):
            client.store('1:*', '+FLAGS.SILENT', r'(\Deleted)')
            client.expunge()
        client.logout()


def deliver_corpus(sandbox):
    """Puts the corpus into bob's INBOX through submission; returns it."""
    messages = corpus()
    client = sandbox.submission(sandbox.env['USER1'])
    for octets in messages.values():
        client.sendmail(sandbox.env['USER1'], [sandbox.env['USER2']], octets, mail_options=['BODY=8BITMIME'])
    client.quit()
    return messages


def without(field, octets):
    """Without a header field that the client itself adds, on one line."""
    head, body = canonical(octets).split(b'\r\n\r\n', 1)
    return b'\r\n'.join(line for line in head.split(b'\r\n') if not line.lower().startswith(field)) + b'\r\n\r\n' + body


def compare_fetched(messages, fetched, what):
    """fetched: octets in any order, with any line ends."""
    by_id = {}
    for octets in map(canonical, fetched):
        by_id[message_id(octets)] = octets
    for name, sent in messages.items():
        check(message_id(sent) in by_id, f'{what}: {name} is not there')
        same(sent, by_id[message_id(sent)], f'{what}: {name}')
