import test from 'ava'
import { join } from 'node:path'
import { ChannelSharing } from '../../actors/channel-sharing.ts'
import { ChannelBook } from '../../broker/channel-book.ts'
import { defaultSettings } from '../../broker/ground/settings.ts'
import { PipelineRig } from '../support/pipeline.ts'
import { temporaryDirectory, type Teardown } from '../support/temporary-directory.ts'

function sharing(t: Teardown, backend: 'embedded' | 'nats'): ChannelSharing {
  const rig = new PipelineRig({ store: { ...defaultSettings.store, backend } })
  rig.openChannel({ name: 'jobs', mode: 'queue' })
  rig.openChannel({ name: 'news' })
  const nothing = (): Promise<void> => Promise.resolve()
  return new ChannelSharing(rig.core, new ChannelBook(rig.core, join(temporaryDirectory(t), 'channels.json')), nothing, nothing)
}

test('channel sharing: a queue in a store of this broker\'s own is nobody else\'s, and makes room for no channel of theirs', t => {
  const own = sharing(t, 'embedded')
  t.deepEqual(own.names(), ['news'])
  t.is(own.fixed('jobs')?.mode, 'queue')
  t.is(own.fixed('news'), undefined)
})

test('channel sharing: a queue in a store that brokers have in common is shared like any channel', t => {
  const common = sharing(t, 'nats')
  t.deepEqual(common.names(), ['jobs', 'news'])
  t.is(common.fixed('jobs'), undefined)
})
