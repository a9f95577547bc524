// Where the control groups of this process are, by what /proc says. Makes none.

/** What agents are limited by. */
export const controllers = ['memory', 'pids', 'cpu'] as const
export type Controller = (typeof controllers)[number]

/** A hierarchy of control groups: the one of version 2, which has all controllers, or one of version 1. */
export interface Hierarchy {
  readonly version: 1 | 2
  /** Of version 1; those of version 2 are told by its files. */
  readonly controllers: readonly string[]
  /** Absolute path of its root, as far as this process sees it. */
  readonly root: string
  /** The group of this process in it, likewise. */
  readonly own: string
}

/**
 * @param mountinfo proc(5): /proc/self/mountinfo
 * @param membership cgroups(7): /proc/self/cgroup
 */
export function hierarchies(mountinfo: string, membership: string): Hierarchy[] {
  const groups = new Map(membership.split('\n').flatMap(line => memberOf(line)))
  return mountinfo.split('\n').flatMap((line): Hierarchy[] => {
    // 36 35 98:0 /root /mount/point options - type source super,options
    const [before = '', after = ''] = line.split(' - ')
    const [, , , shownRoot = '', mount = ''] = before.split(' ')
    const [type, , options = ''] = after.split(' ')
    if (type !== 'cgroup' && type !== 'cgroup2') return []
    const names = type === 'cgroup2' ? [] : options.split(',')
    const path = type === 'cgroup2' ? groups.get('') : names.map(name => groups.get(name)).find(found => found !== undefined)
    if (path === undefined) return []
    const root = unescaped(mount)
    return [{ version: type === 'cgroup2' ? 2 : 1, controllers: names, root, own: `${root}${below(path, unescaped(shownRoot))}` }]
  })
}

// hierarchy-ID:controller-list:cgroup-path; the list of version 2 is empty.
function memberOf(line: string): [controller: string, path: string][] {
  const [, names, path] = /^\d+:([^:]*):(\/.*)$/.exec(line) ?? []
  return names === undefined || path === undefined ? [] : names.split(',').map(name => [name, path])
}

// A container is shown the part of the hierarchy that is its own.
function below(path: string, shownRoot: string): string {
  const rest = shownRoot !== '/' && path.startsWith(shownRoot) ? path.slice(shownRoot.length) : path
  return rest === '/' ? '' : rest
}

// proc(5): white space and backslashes in octal.
function unescaped(path: string): string {
  return path.replaceAll(/\\(\d{3})/g, (_, octal: string) => String.fromCharCode(Number.parseInt(octal, 8)))
}
