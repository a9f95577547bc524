import test from 'ava'
import { readFileSync, readdirSync, statSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { BrokerError } from '../../../broker/ground/errors.ts'
import { loadAgreed, loadChannels, saveChannels } from '../../../broker/registry/channel-file.ts'
import { Channels } from '../../../broker/registry/channels.ts'
import { temporaryDirectory } from '../../support/temporary-directory.ts'

const mine = { name: 'mine', mode: 'broadcast', direction: 'both', predefined: false, createdAt: 5 } as const

test('channel file: what was saved is loaded, without the predefined', async t => {
  const path = join(temporaryDirectory(t), 'channels.json')
  t.deepEqual(loadChannels(path), [])
  await saveChannels(path, [...Channels.predefined, mine])
  t.deepEqual(loadChannels(path), [{ name: 'mine', mode: 'broadcast', createdAt: 5 }])
  t.is(statSync(path).mode & 0o777, 0o600)
})

test('channel file: what was agreed with other brokers is kept beside the channels, of deleted ones too', async t => {
  const path = join(temporaryDirectory(t), 'channels.json')
  t.deepEqual(loadAgreed(path), new Map())
  const agreed = new Map([['mine', 7], ['deleted', 2 ** 53 - 1], ['__proto__', 3]])
  await saveChannels(path, [mine], agreed)
  t.deepEqual(loadAgreed(path), agreed)
  t.is(loadChannels(path).length, 1)
  for (const text of ['{"channels":[],"agreed":{"a":0}}', '{"channels":[],"agreed":{"a":"1"}}', '{"channels":[],"agreed":null}']) {
    writeFileSync(path, text)
    t.throws(() => loadAgreed(path), { code: 'channel.invalid' }, text)
  }
})

test('channel file: a damaged file is named, and left as it is', t => {
  const path = join(temporaryDirectory(t), 'channels.json')
  for (const text of ['', '{', 'null', '{}', '{"channels":7}', '{"channels":[null]}', '{"channels":[{"name":7,"mode":"pubsub","createdAt":1}]}', '{"channels":[{"name":"a","mode":"pubsub","createdAt":"x"}]}']) {
    writeFileSync(path, text)
    const error = t.throws(() => loadChannels(path), { instanceOf: BrokerError }, text)
    t.is(error.code, 'channel.invalid')
    t.true(error.message.includes(path))
    t.is(readFileSync(path, 'utf8'), text)
  }
})

test('channel file: it is replaced as a whole', async t => {
  const directory = temporaryDirectory(t)
  const path = join(directory, 'channels.json')
  await saveChannels(path, [mine])
  const { ino } = statSync(path)
  await saveChannels(path, [mine, { ...mine, name: 'second' }])
  t.not(statSync(path).ino, ino)
  t.deepEqual(readdirSync(directory), ['channels.json'])
  await t.throwsAsync(saveChannels(join(directory, 'missing', 'channels.json'), [mine]), { code: 'home.unusable', message: /the channels cannot be saved: ENOENT/ })
  t.is(loadChannels(path).length, 2)
})
