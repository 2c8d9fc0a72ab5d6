export { findPostgres, startPostgres, type PostgresPrograms, type PostgresServer } from './postgres-server';
