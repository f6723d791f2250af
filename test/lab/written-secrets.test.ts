import test from 'ava';
import { secretVariables, writtenSecret } from '../../src/lab/written-secrets.ts';

const secret: readonly (readonly [command: string, where: string])[] = [
  ['curl -u admin:hunter2 http://pdu/on', 'after -u'],
  ['curl -uadmin:hunter2 http://pdu/on', 'after -u'],
  ['curl -u admin:1234 http://pdu/on', 'after -u'],
  ['curl --user "admin:hunter2" http://pdu/on', 'after --user'],
  ["curl -s --user='admin:hunter2' http://pdu/on", 'after --user'],
  ['pdu --password hunter2 on 3', 'after --password'],
  ['pdu --password=hunter2 on 3', 'after --password'],
  ['pdu --passwd "hunter 2" on', 'after --passwd'],
  ['pdu -password hunter2 on', 'after -password'],
  ['pdu --token=abc123 on', 'after --token'],
  ['pdu --api-key abc123 on', 'after --api-key'],
  ['curl http://admin:hunter2@pdu/on', 'in a URL, before the @'],
  ['curl "https://pdu/on?outlet=3&token=abc123"', 'in a URL, after token='],
  ["wget -q 'http://pdu/on?apikey=abc'", 'in a URL, after apikey='],
  ["curl -H 'Authorization: Bearer abc.def' http://pdu", 'in the header Authorization'],
  ['curl -H "X-Auth-Token: abc" http://pdu', 'in the header X-Auth-Token'],
  ['PDU_PASSWORD=hunter2 pdu on', 'in the variable PDU_PASSWORD'],
  ['export TOKEN="abc"; pdu on', 'in the variable TOKEN'],
  [`curl -d '{"password": "hunter2", "on": 1}' http://pdu`, 'in the field password'],
  [String.raw`curl -d "{\"token\":\"abc\"}" http://pdu`, 'in the field token'],
  ['ipmitool -I lanplus -H bmc -U root -P hunter2 power on', 'after -P'],
  ['sshpass -p hunter2 ssh root@pdu on', 'after -p'],
  ['mosquitto_pub -h broker -u hil -P hunter2 -t x -m ON', 'after -P'],
  ['plink -pw hunter2 root@pdu on', 'after -pw'],
];

for (const [command, where] of secret) {
  test(`found in a command: ${command}`, t => t.is(writtenSecret(command), where));
}

for (const command of [
  'pdu 3 on',
  'pdu -p 3 on',
  'curl -u "admin:$PW" http://pdu/on',
  'curl -u "admin:$(cat ~/.pdu)" http://pdu/on',
  'curl -u admin http://pdu/on',
  'curl --netrc http://pdu/on?outlet=3',
  'curl "http://pdu/on?token=${TOKEN}"',
  'curl -H "Authorization: Bearer $TOKEN" http://pdu',
  'curl -H @headers http://pdu',
  'pdu --password-file ~/.pdu on',
  'pdu --password "$PW" on',
  'pdu --password /run/secrets/pdu on',
  'pdu --password - < ~/.pdu',
  'PW=$(cat ~/.pdu) pdu -p "$PW" on',
  'docker run -u 1000:1000 pdu on',
  'ipmitool -I lanplus -H bmc -U root -f ~/.bmc power on',
  'ipmitool -I lanplus -H bmc -U root -P "$PW" power on',
  'snmpset -v1 -c private apc 1.3.6 i 1',
  'ssh -p 2222 root@pdu on',
  'gpioset --mode=exit 0 17=1',
  'usbrelay BITFT_1=1',
  'python3 -u switch.py host:80 on',
]) {
  test(`no secret in a command: ${command}`, t => t.is(writtenSecret(command), undefined));
}

test('variables with secrets are those whose names say so', t => {
  t.deepEqual(secretVariables('PATH=$PATH pdu -p "$PW" -k ${API_KEY} $HOST'), ['PW', 'API_KEY']);
});

test('a long command takes linear time', t => {
  for (const text of ['a', '-u a', '--password ', 'x://', '?', 'sshpass -p', '"\\', 'x-', 'A=']) {
    const started = performance.now();
    writtenSecret(text.repeat(100_000));
    t.true(performance.now() - started < 20_000, text);
  }
});
