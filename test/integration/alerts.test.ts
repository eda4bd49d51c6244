import test from 'ava';
import { runCase } from '../alerts/alert-case.ts';
import { frontEndDown } from '../alerts/cases/processes.ts';
import { loginsFail } from '../alerts/cases/stores.ts';
import { canHavePrometheus } from '../support/prometheus.ts';

/** Of all alerts: npm run test:alerts. */
const factor = 60;

for (const one of [frontEndDown, loginsFail]) {
  test(`${one.alert} fires in Prometheus when ${one.fault}, and is over after it`, async (t) => {
    if (!(await canHavePrometheus())) {
      t.log('Prometheus is not there: not checked');
      return t.pass();
    }
    const { summary } = await runCase(one, { factor, onClose: t.teardown.bind(t) });
    return t.not(summary, '');
  });
}
