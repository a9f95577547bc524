import { createServer as createHttpServer } from 'node:http'
import { createServer, type AddressInfo, type Server, type Socket } from 'node:net'
import { once } from 'node:events'
import test, { type ExecutionContext } from 'ava'
import { about } from '../../../agents/probes/attempts.ts'
import { commandAttempt } from '../../../agents/probes/command-attempt.ts'
import { httpAttempt } from '../../../agents/probes/http-attempt.ts'
import { pingAttempt } from '../../../agents/probes/ping-attempt.ts'
import { tcpAttempt } from '../../../agents/probes/tcp-attempt.ts'
import type { AgentExit } from '../../../agents/agent-process.ts'
import type { ProbeProcess } from '../../../agents/probes/command-attempt.ts'
import { settle } from '../../support/fake-clock.ts'
import { startAgent } from '../../support/agent-process.ts'
import { reservedPort } from '../../support/reserved-port.ts'
import { isThere } from '../../support/until.ts'

const never = new AbortController().signal

async function listening(t: ExecutionContext, server: Server): Promise<number> {
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  t.teardown(() => server.close())
  return (server.address() as AddressInfo).port
}

test('tcp attempt: whoever takes the connection is well, a port without anybody is not', async t => {
  const server = createServer()
  const port = await listening(t, server)
  const come = once(server, 'connection')
  t.is(await tcpAttempt('127.0.0.1', port)(never), undefined)
  const [socket] = (await come) as [Socket]
  socket.resume()
  await once(socket, 'close')
  // Not the one that is freed: anybody may have it by now.
  const nobodys = await reservedPort(t)
  t.is(await tcpAttempt('127.0.0.1', nobodys)(never), `127.0.0.1:${nobodys} takes no connection: ECONNREFUSED`)
})

test('http attempt: the status decides, the one that is expected or any that is no error', async t => {
  const server = createHttpServer((request, response) => {
    response.statusCode = Number(request.url!.slice(1))
    response.setHeader('location', '/200')
    response.end('x'.repeat(100_000))
  })
  const url = `http://127.0.0.1:${await listening(t, server)}`
  t.is(await httpAttempt(`${url}/204`, undefined)(never), undefined)
  t.is(await httpAttempt(`${url}/302`, undefined)(never), undefined)
  t.is(await httpAttempt(`${url}/503`, undefined)(never), `${url}/503 answered with status 503, expected was 200 to 399`)
  t.is(await httpAttempt(`${url}/503`, 503)(never), undefined)
  t.is(await httpAttempt(`${url}/200`, 204)(never), `${url}/200 answered with status 200, expected was 204`)
})

test('http attempt: what the URL holds beside the place is used and never said', async t => {
  const server = createHttpServer((request, response) => {
    const isKnown = request.url === '/health?key=s3cret' && request.headers.authorization === `Basic ${Buffer.from('ada:s3cret').toString('base64')}`
    response.writeHead(isKnown ? 200 : 401).end()
  })
  const port = await listening(t, server)
  const url = `http://ada:s3cret@127.0.0.1:${port}/health?key=s3cret#s3cret`
  t.is(await httpAttempt(url, undefined)(never), undefined)
  t.is(await httpAttempt(url, 204)(never), `http://127.0.0.1:${port}/health answered with status 200, expected was 204`)
  const nobodys = await reservedPort(t)
  t.is(await httpAttempt(`http://ada:s3cret@127.0.0.1:${nobodys}/health?key=s3cret`, undefined)(never), `http://127.0.0.1:${nobodys}/health does not answer: ECONNREFUSED`)
})

test('about: everybody may read what a probe tries, so arguments and the secrets of a URL stay out', t => {
  t.deepEqual(about({ kind: 'command', command: ['/bin/check', '--token', 's3cret'] }), { kind: 'command', target: '/bin/check' })
  t.deepEqual(about({ kind: 'http', url: 'https://ada:s3cret@lamp.example:8443/health?key=s3cret', status: undefined }), { kind: 'http', target: 'https://lamp.example:8443/health' })
  t.deepEqual(about({ kind: 'tcp', host: '127.0.0.1', port: 80 }), { kind: 'tcp', target: '127.0.0.1:80' })
  t.deepEqual(about({ kind: 'ping' }), { kind: 'ping', target: '' })
})

test('http attempt: a server that does not answer is given up when its time is over', async t => {
  const server = createHttpServer(() => {})
  const port = await listening(t, server)
  const asked = once(server, 'request')
  const abort = new AbortController()
  const attempt = httpAttempt(`http://127.0.0.1:${port}/`, undefined)(abort.signal)
  await asked
  abort.abort()
  t.regex((await attempt) ?? '', /does not answer/)
})

test('ping attempt: an answer is well, nobody to ask is not, and what is given up is forgotten', async t => {
  let answer = (): void => {}
  let forgotten = 0
  const attempt = pingAttempt(answered => {
    answer = answered
    return () => void forgotten++
  })
  const first = attempt(never)
  answer()
  t.is(await first, undefined)
  const abort = new AbortController()
  const second = attempt(abort.signal)
  abort.abort()
  t.is(await second, 'given up')
  t.is(forgotten, 1)
  t.is(await pingAttempt(() => undefined)(never), 'is not connected')
})

test('command attempt: exit code 0 is well, any other end is not, and with its time all that it started ends', async t => {
  const run = (script: string): ReturnType<ReturnType<typeof commandAttempt>> => commandAttempt(async () => (await startAgent(t, { command: 'sh', args: ['-c', script] })).agent)(never)
  t.is(await run('exit 0'), undefined)
  t.is(await run('exit 4'), 'exited with code 4')
  t.is(await run('kill -KILL $$'), 'was ended by SIGKILL')
  const { agent, log } = await startAgent(t, { command: 'sh', args: ['-c', 'sleep 1000 & echo started $!; wait'] })
  const abort = new AbortController()
  const attempt = commandAttempt(async () => agent)(abort.signal)
  const child = Number((await log.logged(/^started/)).text.split(' ')[1])
  abort.abort()
  t.regex((await attempt) ?? '', /^was ended by SIG(?:TERM|KILL)$/)
  t.false(isThere(child))
})

test('command attempt: its time counts from when the program runs, and there is one at a time', async t => {
  const starts: { readonly signal: AbortSignal; readonly run: (program: ProbeProcess) => void }[] = []
  const attempt = commandAttempt(signal => new Promise(resolve => void starts.push({ signal, run: resolve })))
  const exited = Promise.withResolvers<AgentExit>()
  let [begun, kills] = [0, 0]
  const abort = new AbortController()
  const first = attempt(abort.signal, () => begun++)
  await settle()
  t.deepEqual([starts.length, begun], [1, 0])
  starts[0]!.run({ exited: exited.promise, kill: () => void kills++ })
  await settle()
  t.is(begun, 1)
  abort.abort()
  t.is(kills, 1)
  const givenUp = new AbortController()
  const [second, third] = [attempt(givenUp.signal), attempt(never)]
  givenUp.abort()
  await settle()
  t.is(starts.length, 1, 'the first is not gone')
  exited.resolve({ code: null, signal: 'SIGKILL', ranMs: 1 })
  t.is(await first, 'was ended by SIGKILL')
  t.is(await second, 'given up')
  await settle()
  t.is(starts.length, 2, 'the second was not wanted any more')
  starts[1]!.run({ exited: Promise.resolve({ code: 0, signal: null, ranMs: 1 }), kill: () => {} })
  t.is(await third, undefined)
})
