import { fail } from '../../../shared/protocol/outcome.ts';
import type { Interface } from './interface.ts';
import { createParameterReader } from './parameter-reader.ts';
import { initdata as schema } from './schemas/initdata.ts';

const readPara = createParameterReader(schema.para);

/**
 * qcloud.cam.initdata: refused. The original let anyone on the network drop the database and repoint it through this; apps are set
 * up on the command line.
 */
export const initdata: Interface = async (para) =>
  readPara(para) === undefined ? fail('parameterError') : fail('initRefused');
