// Settings that change while a broker runs, and what becomes of those who are connected.

import test from 'ava'
import { loadConfigOf } from '../../config/load.ts'
import type { PrincipalSettings, Settings } from '../../broker/ground/settings.ts'
import { Kind } from '../../broker/wire/layout.ts'
import { startBroker, type LocalBroker } from '../support/broker.ts'

const everything = { allow: ['>'], deny: [] }
const principal = (name: string, more: Partial<PrincipalSettings> = {}): PrincipalSettings => ({ name, roles: ['client'], nkey: undefined, token: `the-token-of-${name}`, tokenFile: undefined, publish: everything, subscribe: everything, ...more })

async function withPrincipals({ home }: LocalBroker, ...principals: PrincipalSettings[]): Promise<Settings> {
  return { ...(await loadConfigOf({ home })).settings, principals }
}

test('reload: a client of frames loses the subscription that is denied now, is told, and stays', async t => {
  const broker = await startBroker(t)
  broker.broker.reload(await withPrincipals(broker, principal('ann')))
  const ann = await broker.native({ principal: 'ann', auth: { token: 'the-token-of-ann' } })
  await ann.subscribe(1, 'open.>')
  await ann.subscribe(2, 'closing.>')
  broker.broker.reload(await withPrincipals(broker, principal('ann', { subscribe: { allow: ['>'], deny: ['closing.>'] }, publish: { allow: ['open.>'], deny: [] } })))
  t.is((await ann.nextOf(Kind.error)).ref, 2)
  const owner = await broker.connect()
  await owner.publish('closing.a', 'x', { receipt: true })
  await owner.publish('open.a', 'y', { receipt: true })
  t.is((await ann.nextOf(Kind.publish)).subject, 'open.a')
  ann.publish('closing.b', 'z')
  t.is((await ann.nextError()).code, 'permission.denied')
})

test('reload: who has another token, or is not there any more, is ended; the others notice nothing', async t => {
  const broker = await startBroker(t)
  broker.broker.reload(await withPrincipals(broker, principal('ann'), principal('bob'), principal('eve')))
  const [ann, bob, eve] = await Promise.all(['ann', 'bob', 'eve'].map(name => broker.native({ principal: name, auth: { token: `the-token-of-${name}` } })))
  broker.broker.reload(await withPrincipals(broker, principal('ann'), principal('bob', { token: 'another' })))
  await Promise.all([bob!.closed, eve!.closed])
  await ann!.subscribe(1, 'a')
  t.truthy((await broker.native({ principal: 'bob', auth: { token: 'another' } })).welcome.session)
})
