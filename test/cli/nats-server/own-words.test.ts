import test from 'ava'
import { inWordsOfNatsServer } from '../../../cli/nats-server/own-words.ts'

test('own words: keys of the broker are told as those of nats-server, addresses stay', t => {
  t.is(inWordsOfNatsServer('listener.failed: cannot listen at 127.0.0.1:4222: another program listens there; stop it, or set nats.port to another one'), 'listener.failed: cannot listen at 127.0.0.1:4222: another program listens there; stop it, or set port to another one')
  t.is(inWordsOfNatsServer('set nats.monitor.port to another one, or nats.websocket.port'), 'set http_port to another one, or port of websocket')
  t.is(inWordsOfNatsServer('the files of nats.websocket.tls and nats.tls'), 'the files of tls of websocket and tls')
})
