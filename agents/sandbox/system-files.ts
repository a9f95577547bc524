// Files that programs of any kind need to run, on the usual Linux systems. None of them holds a secret. What is missing is passed over.

/** To read and to execute. */
export const systemFiles: readonly string[] = [
  '/usr', '/bin', '/sbin', '/lib', '/lib32', '/lib64', '/libx32', '/nix/store', '/gnu/store',
  // Of /etc what the C library, name service, certificates and clocks take, and no more: keys and passwords lie there too.
  '/etc/ld.so.cache', '/etc/ld.so.conf', '/etc/ld.so.conf.d', '/etc/alternatives', '/etc/localtime', '/etc/timezone', '/etc/locale.alias',
  '/etc/nsswitch.conf', '/etc/resolv.conf', '/run/systemd/resolve', '/etc/hosts', '/etc/host.conf', '/etc/gai.conf', '/etc/services', '/etc/protocols',
  '/etc/passwd', '/etc/group', '/etc/os-release', '/etc/mime.types', '/etc/ssl/certs', '/etc/ssl/openssl.cnf', '/etc/ca-certificates', '/etc/pki/tls', '/etc/pki/ca-trust', '/etc/crypto-policies',
  // What runtimes size their heaps and pools by.
  '/sys/devices/system/cpu', '/sys/fs/cgroup',
]

/**
 * Processes appear here; their secrets (environ, mem, fd) are guarded by the rules of tracing, which Landlock tightens. In a pid
 * namespace the agent's own are all there is.
 */
export const PROCESSES = '/proc'

export const devices: readonly string[] = ['/dev/null', '/dev/full', '/dev/random', '/dev/urandom']

/** Not to write: shared memory could be mapped from it that no limit counts. */
export const readOnlyDevices: readonly string[] = ['/dev/zero']
