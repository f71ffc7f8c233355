export interface NginxConfiguration {
  /** Folder of the pid file and of nginx's own temporary files. */
  readonly work: string
  readonly folder: string
  readonly certificate: string
  readonly key: string
  readonly port: number
  /** The same with a session cache, for the workload that resumes sessions. */
  readonly resumedPort: number
  readonly recordLength: '4k' | '16k'
}

/** A plain nginx as one would set it up to serve firmware fast: one worker, no log, no limit that the bench would meet. */
export function writeNginxConfiguration(of: NginxConfiguration): string {
  // Started by root, nginx gives its worker to another user, who may not look into the temporary folder.
  const user = process.getuid?.() === 0 ? 'user root;' : ''
  return `${user}
worker_processes 1;
worker_rlimit_nofile 16384;
daemon off;
pid ${of.work}/nginx.pid;
error_log ${of.work}/error.log warn;
events { worker_connections 8192; }
http {
  access_log off;
  server_tokens off;
  default_type application/octet-stream;
  sendfile on;
  tcp_nopush on;
  keepalive_timeout 600s;
  keepalive_requests 100000000;
  keepalive_time 1d;
  send_timeout 600s;
  client_body_temp_path ${of.work}/body;
  proxy_temp_path ${of.work}/proxy;
  fastcgi_temp_path ${of.work}/fastcgi;
  uwsgi_temp_path ${of.work}/uwsgi;
  scgi_temp_path ${of.work}/scgi;
  ssl_certificate ${of.certificate};
  ssl_certificate_key ${of.key};
  ssl_protocols TLSv1.2 TLSv1.3;
  ssl_buffer_size ${of.recordLength};
  root ${of.folder};
  server {
    listen 127.0.0.1:${of.port} ssl backlog=4096;
    ssl_session_cache off;
  }
  server {
    listen 127.0.0.1:${of.resumedPort} ssl backlog=4096;
    ssl_session_cache shared:resumed:4m;
  }
}
`
}
