import { signedFileOf } from '../smartthings/addresses.js'
import type { SnippetFacts } from './facts.js'
import { commentText, cString, quotableUrl } from './quote.js'

/** ota_demo of st-device-sdk-c-ref: its three defines, as they are spelled there, the two files that it embeds, and its version. */
export function smartthingsSnippet(facts: SnippetFacts): string {
  const url = quotableUrl(facts.url)
  const file = url.slice(url.lastIndexOf('/') + 1)
  return [
    '/* 1. apps/esp32/ota_demo/main/ota_util.c: in place of the defines of these names. CONFIG_OTA_SERVER_URL is a #define',
    ' *    and no symbol of menuconfig, whatever it looks like; its slash at the end belongs there. */',
    `#define CONFIG_OTA_SERVER_URL ${cString(url.slice(0, -file.length))}`,
    '#define CONFIG_FIRMWARE_VERSOIN_INFO_URL CONFIG_OTA_SERVER_URL "version_info.json"',
    `#define CONFIG_FIRMWARE_UPGRADE_URL CONFIG_OTA_SERVER_URL ${cString(signedFileOf(file))}`,
    '/*    Where otad serves several apps from one folder, this is the CONFIG_OTA_SERVER_URL of this one:',
    ` *    ${commentText(`${url}.smartthings/`)} */`,
    '',
    ...filesStep(facts),
    '',
    '/* 3. The demo goes by "firmwareVersion" in main/device_info.json: raise it with every build that devices are to be',
    ' *    offered. Best is one text for it and PROJECT_VER.',
    ' *',
    ' * 4. otad writes version_info.json and signs the image by itself. The app of SmartThings shows a build when the demo',
    ' *    has looked: 30 s after it is connected, then once a day. */',
    ''
  ].join('\n')
}

function filesStep({ caCertificate, caFile }: SnippetFacts): readonly string[] {
  if (caCertificate === undefined)
    return [
      '/* 2. The certificate of this server is from a public CA, and the demo knows no bundle: put the root of that CA',
      ' *    into apps/esp32/ota_demo/main/root.pem, and beside it as public_key.pem what this prints:',
      ' *    openssl rsa -pubout -in KEY   (KEY is that of --signing-key-file, the key that otad signs with) */'
    ]
  return [
    '/* 2. In the folder of the SDK: this writes main/root.pem and main/public_key.pem of the demo, and has otad sign.',
    ' *    otad cert --export apps/esp32/ota_demo --smartthings',
    ` *    (root.pem is "${commentText(caFile ?? 'ca_cert.pem')}") */`
  ]
}
