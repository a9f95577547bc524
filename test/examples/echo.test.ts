import { once } from 'node:events'
import test from 'ava'
import { Kind } from '../../broker/wire/layout.ts'
import { confirmSubscription, startSample, valueOf } from '../support/sample-agent.ts'

test('echo: streams each word, then the whole, on its subject and at its address', async t => {
  const { peer } = await startSample(t, 'echo')
  t.like(peer.hello, { agent: 'echo', principal: 'agent:echo' })
  t.is(await confirmSubscription(peer), 'agent.echo')
  for (const [subject, value] of [['agent.echo', 'to be  or'], ['$CB.to.agent.echo', { text: 'to be or' }]] as const) {
    peer.request(subject, value)
    const answers = [await peer.next(), await peer.next(), await peer.next(), await peer.next()]
    t.deepEqual(answers.map(frame => frame.kind), [Kind.part, Kind.part, Kind.part, Kind.response])
    t.deepEqual(answers.slice(0, 3).map(valueOf), [{ word: 'to', n: 1 }, { word: 'be', n: 2 }, { word: 'or', n: 3 }])
    t.like(valueOf(answers[3]!), { words: 3 })
  }
})

test('echo: what is no text is echoed as JSON, nothing as nothing, and a publish is not answered', async t => {
  const { peer } = await startSample(t, 'echo')
  await confirmSubscription(peer)
  peer.publish('agent.echo', 'no answer to this')
  for (const [value, words] of [[[1, 2], ['[1,2]']], ['', []], [{ text: 7 }, ['{"text":7}']], [Buffer.from('bytes as text'), ['bytes', 'as', 'text']]] as const) {
    peer.request('agent.echo', value)
    for (const word of words) t.like(valueOf(await peer.nextOf(Kind.part)), { word })
    t.like(valueOf(await peer.nextOf(Kind.response)), { words: words.length })
  }
})

test('echo: ends with 0 on SIGTERM and when its broker is gone, and comes back when the connection is lost', async t => {
  const { broker, child, peer } = await startSample(t, 'echo')
  await confirmSubscription(peer)
  peer.destroy()
  const again = await broker.welcome()
  t.is(await confirmSubscription(again), 'agent.echo')
  child.kill('SIGTERM')
  t.deepEqual(await once(child, 'exit'), [0, null])
  const orphan = await startSample(t, 'echo')
  await confirmSubscription(orphan.peer)
  orphan.child.stdin!.end()
  t.deepEqual(await once(orphan.child, 'exit'), [0, null])
})
