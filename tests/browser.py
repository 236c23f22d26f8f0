"Headless Chromium through its DevTools protocol, over a pair of pipes: pages as a reader sees them"
import base64
import json
import os
import select
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from pathlib import Path

chromium = next(filter(None, map(shutil.which, ('chromium', 'chromium-browser', 'google-chrome'))), None)
flags = ['headless', 'no-sandbox', 'disable-gpu', 'disable-quic', 'disable-dev-shm-usage', 'no-first-run', 'hide-scrollbars',
         'disable-background-networking', 'disable-component-update', 'disable-sync', 'remote-debugging-pipe']


class Browser:
    "One tab. `problems` are what went wrong on the page that is open: console errors, exceptions and failed requests"

    def __init__(self, patience=60):
        self.patience, self.count, self.buffer, self.problems = patience, 0, b'', []
        self.profile = tempfile.TemporaryDirectory(ignore_cleanup_errors=True)
        theirs_in, self.to = os.pipe()
        self.back, theirs_out = os.pipe()
        as_3_and_4 = 'import os, sys; r, w = map(int, sys.argv[1:3]); os.dup2(r, 100); os.dup2(w, 4); os.dup2(100, 3); os.execv(sys.argv[3], sys.argv[3:])'
        command = [sys.executable, '-Sc', as_3_and_4, str(theirs_in), str(theirs_out), chromium, *(f'--{o}' for o in flags), f'--user-data-dir={self.profile.name}']
        self.process = subprocess.Popen(command, pass_fds=(theirs_in, theirs_out), stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, start_new_session=True)
        for o in (theirs_in, theirs_out): os.close(o)
        self.session = None
        target = self.call('Target.createTarget', url='about:blank')['targetId']
        self.session = self.call('Target.attachToTarget', targetId=target, flatten=True)['sessionId']
        for domain in ('Page', 'Runtime', 'Log', 'Network'): self.call(f'{domain}.enable')

    def call(self, method, **params):
        "Send a command, and return its result"
        self.count += 1
        message = dict(id=self.count, method=method, params=params) | (dict(sessionId=self.session) if self.session else {})
        os.write(self.to, json.dumps(message).encode() + b'\0')
        answer = self.until(lambda o: o.get('id') == message['id'])
        if 'error' in answer: raise RuntimeError(f"{method}: {answer['error']['message']}")
        return answer['result']

    def until(self, wanted):
        "Read messages, noting problems, up to the first that is `wanted`"
        end = time.time() + self.patience
        while True:
            while b'\0' not in self.buffer:
                if not select.select([self.back], [], [], max(0, end - time.time()))[0]: raise TimeoutError('no answer from Chromium')
                if not (more := os.read(self.back, 1 << 20)): raise RuntimeError('Chromium has gone')
                self.buffer += more
            message, self.buffer = self.buffer.split(b'\0', 1)
            message = json.loads(message)
            self.note(message.get('method'), message.get('params', {}))
            if wanted(message): return message

    def note(self, method, params):
        if method == 'Log.entryAdded' and params['entry']['level'] == 'error': self.problems += [f"{params['entry']['text']} {params['entry'].get('url', '')}"]
        if method == 'Runtime.exceptionThrown': self.problems += [params['exceptionDetails']['text'] + str(params['exceptionDetails'].get('exception', {}).get('description'))]
        if method == 'Runtime.consoleAPICalled' and params['type'] in ('error', 'assert'): self.problems += [str([o.get('value') for o in params['args']])]
        if method == 'Network.loadingFailed' and not params.get('canceled'): self.problems += [params['errorText']]
        if method == 'Network.responseReceived' and params['response']['status'] >= 400: self.problems += [f"{params['response']['status']} {params['response']['url']}"]

    def open(self, url, width=1280, height=900, dark=False):
        "Load a page on a screen of this width, bright or dark"
        self.problems.clear()
        self.call('Emulation.setDeviceMetricsOverride', width=width, height=height, deviceScaleFactor=1, mobile=width < 600)
        self.call('Emulation.setEmulatedMedia', features=[dict(name='prefers-color-scheme', value='dark' if dark else 'light')])
        self.call('Page.navigate', url=url)
        self.until(lambda o: o.get('method') == 'Page.loadEventFired')

    def js(self, expression):
        "The value of a JavaScript expression; a promise is waited for"
        res = self.call('Runtime.evaluate', expression=expression, returnByValue=True, awaitPromise=True)
        if 'exceptionDetails' in res: raise RuntimeError(str(res['exceptionDetails']))
        return res['result'].get('value')

    def wait_for(self, expression, seconds=20):
        "The first value of a JavaScript expression that is true"
        end = time.time() + seconds
        while not (value := self.js(expression)):
            if time.time() > end: raise TimeoutError(f'never true: {expression}')
            time.sleep(.1)
        return value

    def screenshot(self, path, whole=False):
        res = self.call('Page.captureScreenshot', captureBeyondViewport=whole)
        Path(path).write_bytes(base64.b64decode(res['data']))

    def close(self):
        os.killpg(self.process.pid, signal.SIGKILL)
        self.process.wait()
        for o in (self.to, self.back): os.close(o)
        self.profile.cleanup()
