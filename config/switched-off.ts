// `false` in the place of a block stands for the block with `enabled: false`.

import type { z } from 'zod'
import { isSwitchable } from './keys.ts'
import { collectionNode, scalarNode, type SourceNode } from './source.ts'

/** The tree with such blocks written out; everything keeps its place in the text. */
export function writeOutSwitches(root: SourceNode, schema: z.ZodObject): SourceNode {
  if (root.kind !== 'map') return root
  const shape: Readonly<Record<string, z.core.$ZodType>> = schema.shape
  const members = new Map([...root.members].map(([key, node]) => [key, node.scalar === false && Object.hasOwn(shape, key) && isSwitchable(shape[key]!) ? off(node) : node]))
  return collectionNode('map', members, root.offset, root.keyOffset)
}

function off({ offset, keyOffset }: SourceNode): SourceNode {
  return collectionNode('map', new Map([['enabled', scalarNode(false, offset, keyOffset)]]), offset, keyOffset)
}
