// The text of the launchd job of a broker. Pure: writes nothing, asks nobody.

import { homePaths } from '../../broker/ground/home.ts'
import { choiceMark, SERVICE_NAME, type ServiceSpec } from './service-spec.ts'

/** A property list by launchd.plist(5). launchd tells no exit code from another: a broker with a wrong configuration is started every 10 s. */
export function launchdPlist(spec: ServiceSpec): string {
  const { home, account, command, path } = spec
  const { out } = homePaths(home)
  const strings = (words: readonly string[]): string => words.map(word => `    <string>${escaped(word)}</string>`).join('\n')
  return `<?xml version="1.0" encoding="UTF-8"?>
<!DOCTYPE plist PUBLIC "-//Apple//DTD PLIST 1.0//EN" "http://www.apple.com/DTDs/PropertyList-1.0.dtd">
<!-- ${choiceMark(spec).replaceAll('-', '&#45;')} -->
<plist version="1.0">
<dict>
  <key>Label</key>
  <string>${SERVICE_NAME}</string>
  <key>ProgramArguments</key>
  <array>
${strings(command)}
  </array>
${account === undefined ? '' : `  <key>UserName</key>\n  <string>${escaped(account)}</string>\n`}  <key>EnvironmentVariables</key>
  <dict>
    <key>PATH</key>
    <string>${escaped(path)}</string>
  </dict>
  <key>Umask</key>
  <integer>63</integer>
  <key>RunAtLoad</key>
  <true/>
  <key>KeepAlive</key>
  <dict>
    <key>SuccessfulExit</key>
    <false/>
  </dict>
  <key>ThrottleInterval</key>
  <integer>10</integer>
  <key>ExitTimeOut</key>
  <integer>60</integer>
  <key>SoftResourceLimits</key>
  <dict>
    <key>NumberOfFiles</key>
    <integer>65536</integer>
  </dict>
  <key>StandardOutPath</key>
  <string>${escaped(out)}</string>
  <key>StandardErrorPath</key>
  <string>${escaped(out)}</string>
</dict>
</plist>
`
}

function escaped(text: string): string {
  return text.replaceAll('&', '&amp;').replaceAll('<', '&lt;').replaceAll('>', '&gt;')
}
