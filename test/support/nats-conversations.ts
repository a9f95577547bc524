// Conversations of NATS clients with a server, word for word. Knows no server.

/** Who says what, one after another. `name!`: its last words, after which the server ends it. */
export type Conversation = readonly (readonly [client: string, words: string])[]

export const ann = { user: 'ann', pass: 'apple-of-sixteen' }
export const bob = { user: 'bob', pass: 'banana-of-sixteen' }
/** What bob may. */
export const rules = { publish: { allow: ['open.>', 'half.*'], deny: ['open.shut'] }, subscribe: { allow: ['open.>', 'half.*', '_INBOX.>'], deny: ['open.shut'] } }
/** Of the server, as nats-server names them. */
export const LIMITS = { max_payload: 1024, max_control_line: 512, max_subscriptions: 4 }

/** CONNECT of ann's, who is not verbose, unless the options say otherwise. */
export function connect(options: object = {}): string {
  return `CONNECT ${JSON.stringify({ verbose: false, pedantic: false, ...ann, ...options })}\r\n`
}

const modern = { headers: true, no_responders: true, protocol: 1 }
export const nobody = { user: undefined, pass: undefined }
const LONG = 'x'.repeat(600)
export const HEADERS = 'NATS/1.0\r\nA: b\r\n\r\n'

export const conversations: Record<string, Conversation> = {
  'a client is let in': [['a', connect()], ['a', 'PING\r\n']],
  'verbose': [['a', connect({ verbose: true })], ['a', 'SUB x 1\r\nSUB x 1\r\nPUB y 2\r\nhi\r\nUNSUB 1\r\nUNSUB 9\r\nPING\r\nPONG\r\n']],
  'defaults of CONNECT': [['a', `CONNECT ${JSON.stringify(ann)}\r\n`], ['a', 'PUB x 0\r\n\r\n']],
  'names of members in any case': [['a', `CONNECT {"USER":"ann","Pass":"${ann.pass}","VERBOSE":false}\r\n`]],
  'verbs in any case, spaces and tabs': [['a', connect()], ['a', 'sub \t x  \t7 \r\npub  x\t2\r\nhi\r\nPuB x   r  2\r\nho\r\nunsub  7\r\npIng\r\n'.replace('pIng\r\n', '')]],
  'a wrong password': [['a!', connect({ pass: 'x' })]],
  'an unknown user': [['a!', connect({ user: 'eve' })]],
  'no credential': [['a!', connect(nobody)]],
  'an account': [['a!', connect({ account: 'x' })]],
  'PUB before CONNECT': [['a!', 'PUB x 1\r\nx\r\n']],
  'PING before CONNECT': [['a!', 'PING\r\n']],
  'an empty line before CONNECT': [['a!', '\r\n']],
  'another word with C': [['a!', 'CXXX\r\n']],
  'a protocol to come': [['a!', connect({ protocol: 2 })]],
  'no responders without headers': [['a!', connect({ no_responders: true })]],
  'a second CONNECT': [['a', connect()], ['a', connect({ verbose: true })], ['a', 'PUB x 0\r\n\r\n']],
  'a second CONNECT with a wrong password': [['a', connect()], ['a!', connect({ pass: 'x' })]],
  'an unknown operation': [['a', connect()], ['a!', 'NONSENSE\r\n']],
  'an operation of servers': [['a', connect()], ['a!', 'MSG x 1 2\r\nhi\r\n']],
  'INFO of a client': [['a', connect()], ['a', 'INFO {}\r\n+OK\r\nPONG\r\n']],
  'an error of a client': [['a', connect()], ['a!', "-ERR 'bye'\r\n"]],
  'UNSUB without a sid': [['a', connect()], ['a!', 'UNSUB\r\n']],
  'a payload too large': [['a', connect()], ['a!', `PUB x 1025\r\n${'x'.repeat(1025)}\r\n`]],
  'the largest payload': [['a', connect()], ['a', `SUB x 1\r\nPUB x 1024\r\n${'x'.repeat(1024)}\r\n`]],
  'a line too long': [['a', connect()], ['a!', `PUB ${LONG} 1\r\nx\r\n`]],
  'a line too long, without an end': [['a', connect()], ['a!', `SUB ${LONG}`]],
  'a payload that goes on': [['a', connect()], ['a!', 'PUB x 2\r\nhiho\r\n']],
  'subscriptions that are none': [['a', connect()], ['a', 'SUB x. 1\r\nSUB x..y 2\r\nSUB .x 3\r\nSUB x.>.y 4\r\nSUB x 5\r\nPUB x 0\r\n\r\n']],
  'too many subscriptions': [['a', connect()], ['a', 'SUB a 1\r\nSUB b 2\r\nSUB c 3\r\nSUB d 4\r\nSUB e 5\r\nUNSUB 1\r\nSUB e 5\r\nPUB e 0\r\n\r\nPUB a 0\r\n\r\n']],
  'too many subscriptions, verbose': [['a', connect({ verbose: true })], ['a', 'SUB a 1\r\nSUB b 2\r\nSUB c 3\r\nSUB d 4\r\nSUB e 5\r\n']],
  'pedantic about subjects': [['a', connect({ pedantic: true })], ['a', 'PUB x.* 1\r\nx\r\nPUB x..y 1\r\nx\r\nPUB x. 1\r\nx\r\nSUB x..y 1\r\nPUB x.> 0\r\n\r\n']],
  'permission to publish': [['b', connect(bob)], ['b', 'SUB open.> 1\r\nPUB open.a 1\r\nx\r\nPUB open.shut 1\r\nx\r\nPUB shut 1\r\nx\r\nPUB half.a 0\r\n\r\nPUB half.a.b 0\r\n\r\nPUB _INBOX.x 0\r\n\r\n']],
  'permission to publish, verbose': [['b', connect({ ...bob, verbose: true })], ['b', 'PUB shut 1\r\nx\r\nPUB open.a 1\r\nx\r\n']],
  'permission to subscribe': [['b', connect({ ...bob, verbose: true })], ['b', 'SUB open.a 1\r\nSUB open.shut 2\r\nSUB shut 3\r\nSUB shut workers 4\r\nSUB > 5\r\nSUB * 6\r\nSUB half.* q 8\r\n']],
  'a wildcard does not show what is denied': [['b', connect(bob)], ['b', 'SUB open.> 1\r\n'], ['a', connect()], ['a', 'PUB open.shut 4\r\nseen\r\nPUB open.door 4\r\nseen\r\n'], ['b', '']],
  'echo off': [['a', connect({ echo: false, protocol: 1 })], ['b', connect()], ['a', 'SUB x 1\r\n'], ['b', 'SUB x 2\r\n'], ['a', 'PUB x 2\r\nhi\r\n'], ['b', 'PUB x 2\r\nho\r\n'], ['a', '']],
  'UNSUB after some': [['a', connect()], ['a', 'SUB x 1\r\nUNSUB 1 2\r\nPUB x 1\r\na\r\nPUB x 1\r\nb\r\nPUB x 1\r\nc\r\nSUB y 2\r\nPUB y 0\r\n\r\nPUB y 0\r\n\r\nUNSUB 2 1\r\nPUB y 0\r\n\r\n']],
  'nobody answers': [['a', connect(modern)], ['a', 'SUB _INBOX.1 9\r\nPUB nobody _INBOX.1 2\r\nhi\r\nPUB nobody 2\r\nhi\r\n']],
  'nobody answers, and the client did not ask to be told': [['a', connect()], ['a', 'SUB _INBOX.1 9\r\nPUB nobody _INBOX.1 2\r\nhi\r\n']],
  'JetStream is asked for where there is none': [['a', connect(modern)], ['a', 'SUB _INBOX.1 9\r\nPUB $JS.API.INFO _INBOX.1 0\r\n\r\nPUB $JS.API.STREAM.NAMES _INBOX.1 2\r\n{}\r\nPUB $JS.ACK.x _INBOX.1 0\r\n\r\n']],
  'servers are asked for': [['a', connect(modern)], ['a', 'SUB _INBOX.1 9\r\nPUB $SYS.REQ.SERVER.PING _INBOX.1 0\r\n\r\nPUB $SYS.REQ.SERVER.PING.VARZ _INBOX.1 0\r\n\r\n']],
  'a request is answered': [['a', connect(modern)], ['b', connect(modern)], ['b', 'SUB help workers 3\r\n'], ['a', 'SUB _INBOX.1.* 9\r\nPUB help _INBOX.1.7 2\r\nhi\r\n'], ['b', 'PUB _INBOX.1.7 2\r\nho\r\n'], ['a', '']],
  'headers': [['a', connect(modern)], ['b', connect()], ['a', 'SUB x 1\r\n'], ['b', 'SUB x 2\r\n'], ['a', `HPUB x re.ply ${HEADERS.length} ${HEADERS.length + 2}\r\n${HEADERS}hi\r\nHPUB x ${HEADERS.length} ${HEADERS.length}\r\n${HEADERS}\r\n`], ['b', '']],
}

/** Where the client takes longer than it has. */
export const lateConversations: Record<string, Conversation> = {
  'too late': [['a!', '']],
  'half of CONNECT, and too late': [['a!', 'CONNECT {"user":']],
}
