import type { Rule } from '../rule.js'

/** The device looked and did not want the build: clients.md 5.7, 7.1 and 18; peers.md 3, pain 10. */
export const UNCHANGED_RULES: readonly Rule[] = [
  {
    code: 'same-version',
    step: 'image',
    rank: 'root',
    patterns: [/Current running version is the same as a new/i],
    says: {
      title: 'the new build has the same version as the running one, and the device skipped it',
      cause: 'The device compares version strings, and PROJECT_VER has not changed, whatever else has.',
      next: 'Change PROJECT_VER (or version.txt, or tag the commit) and build again. otad warns when a new build has an old version.'
    }
  },
  {
    code: 'not-modified',
    step: 'http',
    rank: 'root',
    patterns: [
      /OTA image not modified/i,
      /ESP_ERR_HTTP_NOT_MODIFIED/,
      /HTTP_UPDATE_NO_UPDATES?\b/,
      /HTTP Code is \(304\)|Code: 304\b/i
    ],
    says: {
      title: 'the device runs this build already',
      cause: 'The server told it that nothing has changed (304).',
      next: 'Nothing. Where you expect an update, check with otad status that the new build is published, and that its version or bytes differ.'
    }
  },
  {
    code: 'nothing-newer',
    step: 'http',
    rank: 'root',
    patterns: [
      /No New Version Available/i,
      /Current Version is equal or newer/i,
      /isNewVersion : 0/i,
      /No update (?:is )?(?:needed|available|required)/i
    ],
    says: (_match, { client }) => ({
      title: 'the device found no newer version',
      cause:
        client === 'smartthings'
          ? 'The version of the device (firmwareVersion in device_info.json) is not in the "upgrade" list of version_info.json.'
          : 'The version in the manifest is not newer than the one that it runs.',
      next:
        client === 'smartthings'
          ? 'Serve it with otad, which lists every earlier version, and count firmwareVersion up with each build.'
          : 'Raise the version of the project, build, and look at otad status for what is published.'
    })
  }
]
