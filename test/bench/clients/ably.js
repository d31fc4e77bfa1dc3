import { Realtime } from 'ably';

export function open(url, handle) {
  const { hostname, port } = new URL(url);
  const ably = new Realtime({
    key: 'app.key:secret',
    clientId: 'bench',
    realtimeHost: hostname,
    port: Number(port),
    tls: false,
    useTokenAuth: false,
    useBinaryProtocol: false,
    transports: ['web_socket'],
    disableConnectivityCheck: true,
    logLevel: 0,
  });
  const channel = ably.channels.get('room:42');
  const ready = channel.subscribe('message', ({ data }) => handle(data));
  return { ready, close: () => ably.close() };
}
