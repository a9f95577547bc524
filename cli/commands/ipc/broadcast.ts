// `callboard ipc broadcast`: one message to every connected client.

import type { Context } from '../../context.ts'
import { plural } from '../../format.ts'
import { readMessage } from '../../message-input.ts'
import { print, printJson } from '../../output.ts'
import { withClient } from '../../with-client.ts'

export async function broadcast(context: Context, options: { readonly message: string }): Promise<void> {
  const message = await readMessage(options.message)
  const { receivers } = await withClient(context, client => client.broadcast(message.payload, message.options))
  await (context.isJson ? printJson({ receivers }) : print(`broadcast to ${plural(receivers, 'client')}`))
}
