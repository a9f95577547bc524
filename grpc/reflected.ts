// What the reflection service tells of the proto files. The library that loads them describes maps in a way that other
// implementations refuse ("map_entry should not be set explicitly"): here they are described as protoc does.

import { loadSync, type EnumTypeDefinition, type MessageTypeDefinition, type PackageDefinition } from '@grpc/proto-loader'

interface Field {
  name: string
  typeName?: string
}

interface MessageDescriptor {
  name: string
  field?: Field[]
  nestedType?: MessageDescriptor[]
  options?: { readonly mapEntry?: boolean }
}

interface FileDescriptor {
  messageType?: MessageDescriptor[]
}

const fileDescriptor = loadSync('google/protobuf/descriptor.proto', { enums: String })['google.protobuf.FileDescriptorProto'] as MessageTypeDefinition<object, object>

/** The messages and enumerations of a package, loaded with `keepCase`, described so that every implementation can read them. */
export function reflected(loaded: PackageDefinition): PackageDefinition {
  // Each of them brings all files of its package.
  const files = new Map<string, Buffer>()
  const mended = (file: Buffer): Buffer => {
    const key = file.toString('latin1')
    const known = files.get(key) ?? mend(file)
    files.set(key, known)
    return known
  }
  const described = Object.entries(loaded).flatMap(([name, each]) => (isDescribed(each) ? [[name, { ...each, fileDescriptorProtos: each.fileDescriptorProtos.map(mended) }] as const] : []))
  return Object.fromEntries(described)
}

// All but services, whose files their messages bring.
function isDescribed(definition: PackageDefinition[string]): definition is MessageTypeDefinition<object, object> | EnumTypeDefinition {
  return Array.isArray(definition.fileDescriptorProtos)
}

function mend(bytes: Buffer): Buffer {
  const file = fileDescriptor.deserialize(bytes) as FileDescriptor
  for (const message of file.messageType ?? []) mendMaps(message)
  return fileDescriptor.serialize(file)
}

// protoc calls the entries of a map `some_headers` SomeHeadersEntry, and readers insist on it.
function mendMaps(message: MessageDescriptor): void {
  for (const nested of message.nestedType ?? []) {
    mendMaps(nested)
    if (nested.options?.mapEntry !== true) continue
    const field = message.field?.find(({ typeName }) => typeName === nested.name)
    if (field === undefined) continue
    nested.name = `${field.name.replace(/(?:^|_)([a-z])/g, (_, letter: string) => letter.toUpperCase())}Entry`
    field.typeName = nested.name
  }
}
