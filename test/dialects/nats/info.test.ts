import test from 'ava'
import { infoLine, type ClientInfo, type ServerInfo } from '../../../dialects/nats/info.ts'

const server: ServerInfo = { serverId: 'home.1', serverName: 'callboard-home', callboardVersion: '1.2.3', host: '127.0.0.1', port: 4222, maxPayloadBytes: 1024, isAuthRequired: true, tls: undefined }
const client: ClientInfo = { number: 7, address: '127.0.0.1:40112', nonce: undefined, isWebSocket: false }

function infoOf(ofServer: Partial<ServerInfo> = {}, ofClient: Partial<ClientInfo> = {}, isLameDuck?: boolean): unknown {
  const line = infoLine({ ...server, ...ofServer }, { ...client, ...ofClient }, isLameDuck)
  return JSON.parse(/^INFO (\{.*\})\r\n$/.exec(line)![1]!)
}

test('info: what client libraries look for is there, and what is not so is left out', t => {
  t.deepEqual(infoOf(), { server_id: 'home.1', server_name: 'callboard-home', version: '2.9.10', proto: 1, callboard: '1.2.3', host: '127.0.0.1', port: 4222, headers: true, auth_required: true, max_payload: 1024, client_id: 7, client_ip: '127.0.0.1' })
  t.false('auth_required' in (infoOf({ isAuthRequired: false }) as object))
})

test('info: nonce, TLS, lame duck, and addresses of both families', t => {
  t.like(infoOf({}, { nonce: 'abc' }), { nonce: 'abc' })
  t.like(infoOf({ tls: { verify: false } }), { tls_required: true })
  t.like(infoOf({ tls: { verify: true } }), { tls_required: true, tls_verify: true })
  // What comes by WebSocket is behind the TLS of that port already.
  t.false('tls_required' in (infoOf({ tls: { verify: true } }, { isWebSocket: true }) as object))
  t.like(infoOf({}, {}, true), { ldm: true })
  t.like(infoOf({}, { address: '[::1]:40112' }), { client_ip: '::1' })
})
