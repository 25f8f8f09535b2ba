"""browser.py - as much of a browser as Roundcube's pages need: cookies, forms, its request token."""
import http.cookiejar
import re
import urllib.parse
import urllib.request


class Browser:
    def __init__(self, base):
        self.base = base
        self.opener = urllib.request.build_opener(urllib.request.HTTPCookieProcessor(http.cookiejar.CookieJar()))
        self.token = ''

    def get(self, query='', fields=None, headers=()):
        data = urllib.parse.urlencode(fields).encode() if fields else None
        request = urllib.request.Request(f'{self.base}/{query}', data=data, headers=dict(headers))
        with self.opener.open(request, timeout=60) as answer:
            self.url = answer.url
            text = answer.read().decode(errors='replace')
        found = re.search(r'"request_token":"([^"]+)"', text)
        if found:
            self.token = found[1]
        return text

    def remote(self, query):
        return self.get(query + '&_remote=1', headers={'X-Roundcube-Request': self.token, 'X-Requested-With': 'XMLHttpRequest'})

    def log_in(self, user, password):
        """Returns the page behind the login."""
        text = self.get()
        token = re.search(r'name="_token" value="([^"]+)"', text)
        if not token:
            return text
        return self.get('?_task=login', {'_token': token[1], '_task': 'login', '_action': 'login', '_timezone': 'UTC', '_url': '', '_user': user, '_pass': password})
