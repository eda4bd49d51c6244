import { Gauge, type Registry } from 'prom-client';
import type { Sequelize } from 'sequelize';

/** What is needed of the pool inside Sequelize 6. */
interface Pool {
  readonly using: number;
  readonly available: number;
  readonly waiting: number;
  readonly maxSize: number;
}

/** Shows how far this process's connections to MySQL are in use, at the moment of a scrape. */
export function showPool(registry: Registry, role: 'web' | 'worker', sequelize: Sequelize): void {
  const { pool } = sequelize.connectionManager as unknown as { readonly pool: Pool };
  const registers = [registry];
  new Gauge({
    name: 'wafer_database_connections',
    help: 'Connections to MySQL that run a statement (busy) or wait for one (idle)',
    labelNames: ['role', 'state'],
    registers,
    collect() {
      this.set({ role, state: 'busy' }, pool.using);
      this.set({ role, state: 'idle' }, pool.available);
    },
  });
  new Gauge({
    name: 'wafer_database_connections_limit',
    help: 'Connections to MySQL that there may be: DATABASE_POOL of each process',
    labelNames: ['role'],
    registers,
    collect() {
      this.set({ role }, pool.maxSize);
    },
  });
  new Gauge({
    name: 'wafer_database_waiting',
    help: 'Statements that wait for a connection to MySQL',
    labelNames: ['role'],
    registers,
    collect() {
      this.set({ role }, pool.waiting);
    },
  });
}
