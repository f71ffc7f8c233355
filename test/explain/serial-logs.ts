/** Serial logs as devices print them: the forum threads of clients.md 2, and what each kind of client says when all is well. */
export const SERIAL_LOGS = {
  cutBySServer: `I (2304) event: sta ip: 192.168.123.11, mask: 255.255.255.0, gw: 192.168.123.1
I (2304) simple_ota_example: Connect to Wifi ! Start to Connect to Server....
I (4014) esp_https_ota: Starting OTA...
I (4014) esp_https_ota: Writing to partition subtype 16 at offset 0x110000
I (4074) esp_https_ota: esp_ota_begin succeeded
I (4084) esp_https_ota: Please Wait. This may take time
I (8584) esp_https_ota: Connection closed,all data received
I (8600) esp_image: segment 0: paddr=0x00110020 vaddr=0x3f400020 size=0x07518 ( 29976) map
E (8610) esp_image: invalid segment length 0xffffffff
E (8620) esp_https_ota: esp_ota_end failed! err=0x5379
E (8620) simple_ota_example: Firmware Upgrades Failed
`,
  smartThingsElsewhere: `I (3763) event: sta ip: 192.168.1.50, mask: 255.255.255.0, gw: 192.168.1.1
isNewVersion : 1
_update_device
E (22023) esp-tls: Failed to connnect to host (errno 113)
E (22023) esp-tls: Failed to open new connection
E (22023) TRANS_SSL: Failed to open a new connection
E (22023) HTTP_CLIENT: Connection failed, sock < 0
HTTP_EVENT_ERROR
Failed to open HTTP connection: 28674
`,
  refusedCertificate: `I (6696) simple_ota_example: Starting OTA example
E (6756) esp-tls-mbedtls: mbedtls_ssl_handshake returned -0x2700
I (6756) esp-tls-mbedtls: Failed to verify peer certificate!
I (6756) esp-tls-mbedtls: verification info:   ! The certificate Common Name (CN) does not match with the expected CN
  ! The certificate is not correctly signed by the trusted CA
E (6776) esp-tls: Failed to open new connection
E (6776) TRANS_SSL: Failed to open a new connection
E (6786) HTTP_CLIENT: Connection failed, sock < 0
E (6786) esp_https_ota: Failed to open HTTP connection: ESP_ERR_HTTP_CONNECT
E (6796) esp_https_ota: Failed to establish HTTP connection
E (6806) simple_ota_example: Firmware upgrade failed
`,
  healthy: {
    'ESP-IDF 3.2, whose server closes without a goodbye': `I (2304) simple_ota_example: Connect to Wifi ! Start to Connect to Server....
I (4014) esp_https_ota: Starting OTA...
I (4014) esp_https_ota: Writing to partition subtype 16 at offset 0x110000
E (8584) TRANS_SSL: esp_tls_conn_read error, errno=Socket is not connected
I (8584) esp_https_ota: Connection closed,all data received
I (8600) esp_image: segment 0: paddr=0x00110020 vaddr=0x3f400020 size=0x07518 ( 29976) map
I (9600) esp_https_ota: esp_ota_set_boot_partition succeeded
ets Jun  8 2016 00:22:57
rst:0xc (SW_CPU_RESET),boot:0x13 (SPI_FAST_FLASH_BOOT)
I (190) boot: Loaded app from partition at offset 0x110000
`,
    'ESP-IDF 4.1, whose example says nothing at the end': `I (3000) simple_ota_example: Starting OTA example
I (3500) esp_https_ota: Starting OTA...
I (3500) esp_https_ota: Writing to partition subtype 16 at offset 0x110000
I (9600) esp_image: segment 0: paddr=0x00110020 vaddr=0x3f400020 size=0x07518 ( 29976) map
I (9700) esp_image: segment 0: paddr=0x00110020 vaddr=0x3f400020 size=0x07518 ( 29976) map
ets Jul 29 2019 12:21:46
rst:0xc (SW_CPU_RESET),boot:0x13 (SPI_FAST_FLASH_BOOT)
I (29) boot: ESP-IDF v4.1 2nd stage bootloader
I (190) boot: Loaded app from partition at offset 0x110000
`,
    'ESP-IDF 5 with rollback': `I (600) wifi:mode : sta (24:6f:28:aa:bb:cc)
I (2500) esp_netif_handlers: sta ip: 192.168.1.50, mask: 255.255.255.0, gw: 192.168.1.1
I (2600) advanced_https_ota_example: Starting Advanced OTA example
I (2600) advanced_https_ota_example: Attempting to download update from https://192.168.1.8:8070/hello_world.bin
I (2900) esp-x509-crt-bundle: Certificate validated
I (3000) esp_https_ota: Starting OTA...
I (3000) esp_https_ota: Writing to <ota_1> partition at offset 0x210000
I (3100) advanced_https_ota_example: Running firmware version: 1.0.0
I (3100) advanced_https_ota_example: New firmware version: 1.1.0
I (9000) esp_image: segment 0: paddr=00210020 vaddr=3c0a0020 size=2b0c4h (176324) map
I (9900) advanced_https_ota_example: ESP_HTTPS_OTA upgrade successful. Rebooting ...
ESP-ROM:esp32c3-api1-20210207
rst:0xc (RTC_SW_CPU_RST),boot:0xc (SPI_FAST_FLASH_BOOT)
I (30) boot: ESP-IDF v5.3.1 2nd stage bootloader
I (190) boot: Loaded app from partition at offset 0x210000
I (900) advanced_https_ota_example: App is valid, rollback cancelled successfully
`,
    'ESP-IDF 5.5': `I (2600) advanced_https_ota_example: Starting Advanced OTA example
I (3000) esp_https_ota: Starting OTA...
I (3000) esp_https_ota: Writing to <ota_0> partition at offset 0x110000
I (9900) simple_ota_example: OTA Succeed, Rebooting...
`,
    'Arduino-ESP32': `Connected, IP address: 192.168.1.60
[ 3000][D][HTTPUpdate.cpp:250] handleUpdate(): Header read fin.
[ 9000][D][HTTPUpdate.cpp:330] handleUpdate(): Update ok
`,
    ESP8266: `[httpUpdate] Header read fin.
[httpUpdate]  - code: 200
[httpUpdate]  - len: 281456
[httpUpdate] Update ok
 ets Jan  8 2013,rst cause:2, boot mode:(3,6)
`,
    ESPHome: `[12:00:01][I][http_request.ota:095]: Connecting to: https://192.168.1.8:8070/firmware.bin
[12:00:02][D][http_request.ota:150]: Progress: 12.0%
[12:00:09][I][http_request.ota:167]: Done in 8 seconds
[12:00:09][I][http_request.ota:190]: Update complete
[12:00:10][I][app:127]: Rebooting safely
[12:01:10][I][safe_mode:142]: Boot seems successful; resetting boot loop counter
`,
    Tasmota: `13:49:40 MQT: stat/tasmota/UPGRADE = {"Upgrade":"Version 8.1.0.3 from http://192.168.1.8:8071/tasmota.bin"}
13:50:05 MQT: stat/tasmota/UPGRADE = {"Upgrade":"Successful. Restarting"}
`,
    esp32FOTA: `[ 900][I][esp32FOTA.cpp:680] execHTTPcheck(): Getting HTTP: https://192.168.1.8:8070/firmware.bin.esp32fota.json
[ 2000][I][esp32FOTA.cpp:470] execOTA(): Begin Firmware OTA. This may take 2 - 5 mins to complete. Things might be quiet for a while.. Patience!
[ 9000][I][esp32FOTA.cpp:560] execOTA(): Update successfully completed.
[ 9000][I][esp32FOTA.cpp:562] execOTA(): Rebooting.
`,
    esp_ghota: `I (900) GHOTA: Checking for new release
I (1900) GHOTA: Searching for Firmware from https://192.168.1.8:8070/repos/me/porch/releases/latest
I (2900) GHOTA: New Version Available
I (3000) esp_https_ota: Starting OTA...
I (9000) GHOTA: ESP_HTTPS_OTA upgrade successful. Rebooting ...
`,
    SmartThings: `isNewVersion : 1
_update_device
Starting OTA...
Writing to partition subtype 16 at offset 0x110000
esp_ota_begin succeeded
 Please Wait. This may take time
Connection closed,all data received
Total binary data length writen: 842752
esp_ota_set_boot_partition succeeded
`
  }
} as const
