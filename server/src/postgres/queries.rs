//! [`Queries`]: the simple and the extended protocol.

use std::fmt::Debug;
use std::sync::Arc;

use arrow_pg::datatypes::df::deserialize_parameters;
use arrow_pg::datatypes::{arrow_schema_to_pg_fields, into_pg_type};
use arrow_pg::encode_recordbatch;
use async_trait::async_trait;
use datafusion::arrow::datatypes::{DataType, SchemaRef};
use datafusion::common::{ParamValues, ScalarValue};
use futures::{Sink, SinkExt, StreamExt, stream};
use pgwire::api::portal::{Format, Portal, PortalExecutionState};
use pgwire::api::query::{ExtendedQueryHandler, SimpleQueryHandler, send_ready_for_query};
use pgwire::api::results::{
    DataRowEncoder, DescribePortalResponse, FieldFormat, FieldInfo, QueryResponse, Response, Tag,
};
use pgwire::api::stmt::QueryParser;
use pgwire::api::store::PortalStore;
use pgwire::api::{ClientInfo, ClientPortalStore, DEFAULT_NAME, PgWireConnectionState, Type};
use pgwire::error::{PgWireError, PgWireResult};
use pgwire::messages::PgWireBackendMessage;
use pgwire::messages::data::DataRow;
use pgwire::messages::extendedquery::{
    Bind, BindComplete, Execute, PortalSuspended, Sync as PgSync,
};
use pgwire::messages::response::TransactionStatus;
use pgwire::messages::simplequery::Query;

use crate::postgres::connection::{Connection, reported};
use crate::postgres::prepared::Prepared;
use crate::postgres::settings::ACCESS;
use crate::postgres::wire::{told_type, wire_batch, wire_schema};
use crate::query::{Planned, Sent};
use crate::text::{statements, words};
use crate::write::{Extent, Write, Written};
use crate::{Error, Result};

/// Answers the statements of one client.
pub(crate) struct Queries {
    connection: Arc<Connection>,
}

impl Queries {
    pub(crate) fn new(connection: &Arc<Connection>) -> Self {
        Self { connection: Arc::clone(connection) }
    }

    async fn prepare(&self, text: &str, types: &[Option<Type>]) -> PgWireResult<Prepared> {
        let text = self.connection.in_path(text).await.map_err(|error| reported(&error))?;
        let types: Vec<_> = types.iter().map(|kind| kind.as_ref().and_then(told_type)).collect();
        let sent = Sent { text: &text, user: self.connection.user(), types: &types };
        let prepared = Prepared::of(&self.connection.service, sent).await;
        prepared.map_err(|error| reported(&error))
    }

    /// Does what a statement says, or starts its query.
    async fn answer<S: PortalStore>(
        &self,
        prepared: &Bound,
        store: &S,
        format: &Format,
    ) -> PgWireResult<Response> {
        let settings = &self.connection.settings;
        Ok(match prepared.statement.as_ref() {
            Prepared::Empty => Response::EmptyQuery,
            Prepared::Query(planned, schema) => {
                Response::Query(self.rows(planned, schema, format)?)
            }
            Prepared::Show(name) => {
                let value = self.setting(name).map_err(|error| reported(&error))?;
                let fields = Arc::new(shown(name));
                let mut row = DataRowEncoder::new(Arc::clone(&fields));
                row.encode_field(&Some(value))?;
                let mut shown = QueryResponse::new(fields, stream::iter([Ok(row.take_row())]));
                shown.set_command_tag("SHOW");
                Response::Query(shown)
            }
            Prepared::Set(name, value) => {
                settings.set(name, value).map_err(|error| reported(&error))?;
                Response::Execution(Tag::new("SET"))
            }
            Prepared::Access(only_reads) => {
                self.connection.transaction.set_access(*only_reads);
                Response::Execution(Tag::new("SET"))
            }
            Prepared::Reset(tag) => {
                settings.reset();
                Response::Execution(Tag::new(tag))
            }
            Prepared::Deallocate(name) => {
                store.rm_statement(name);
                Response::Execution(Tag::new("DEALLOCATE"))
            }
            Prepared::Nothing(tag) => Response::Execution(Tag::new(tag)),
            Prepared::Write(write) => {
                let written = self.write(write, prepared.values.clone()).await;
                Response::Execution(tag(&written.map_err(|error| reported(&error))?))
            }
            of_transaction => {
                self.conclude(of_transaction).await.map_err(|error| reported(&error))?
            }
        })
    }

    async fn write(&self, write: &Write, values: Vec<ScalarValue>) -> Result<Written> {
        let Connection { service, transaction, .. } = self.connection.as_ref();
        if self.connection.only_reads() {
            let what = "the client has said that its transaction only reads; hint: BEGIN READ \
                        WRITE, or SET default_transaction_read_only TO off";
            return Err(Error::refused("25006", what));
        }
        transaction.write(service, write, values).await
    }

    fn setting(&self, name: &str) -> Result<String> {
        match name {
            ACCESS if self.connection.only_reads() => Ok("on".to_owned()),
            ACCESS => Ok("off".to_owned()),
            name => self.connection.settings.value(name),
        }
    }

    /// Begins a transaction or a part of one, or ends it.
    async fn conclude(&self, prepared: &Prepared) -> Result<Response> {
        let Connection { service, settings, transaction, .. } = self.connection.as_ref();
        Ok(match prepared {
            Prepared::Begin(only_reads) => {
                if transaction.extent() != Extent::Open {
                    transaction.set_access(Some(settings.only_reads()));
                }
                if only_reads.is_some() {
                    transaction.set_access(*only_reads);
                }
                transaction.begin(Extent::Open);
                Response::TransactionStart(Tag::new("BEGIN"))
            }
            Prepared::Commit if !transaction.has_failed() => {
                transaction.commit();
                Response::TransactionEnd(Tag::new("COMMIT"))
            }
            Prepared::Savepoint(name) => {
                transaction.save(name);
                Response::Execution(Tag::new("SAVEPOINT"))
            }
            Prepared::RollBackTo(name) => {
                transaction.roll_back_to(service, name).await?;
                Response::TransactionStart(Tag::new("ROLLBACK"))
            }
            _ => {
                transaction.roll_back(service).await?;
                Response::TransactionEnd(Tag::new("ROLLBACK"))
            }
        })
    }

    fn rows(
        &self,
        planned: &Planned,
        schema: &SchemaRef,
        format: &Format,
    ) -> PgWireResult<QueryResponse> {
        let fields = Arc::new(arrow_schema_to_pg_fields(schema, format, None)?);
        let batches = planned.run(&self.connection.service);
        let (schema, columns) = (Arc::clone(schema), Arc::clone(&fields));
        let rows = batches.map(move |batch| {
            let sent = batch.and_then(|batch| Ok(wire_batch(&batch, &schema)?));
            let rows: Box<dyn Iterator<Item = PgWireResult<DataRow>> + Send> = match sent {
                Ok(batch) => encode_recordbatch(Arc::clone(&columns), batch),
                Err(error) => Box::new(std::iter::once(Err(reported(&error)))),
            };
            stream::iter(rows)
        });
        Ok(QueryResponse::new(fields, rows.flatten()))
    }
}

fn shown(name: &str) -> Vec<FieldInfo> {
    vec![FieldInfo::new(name.to_owned(), None, None, Type::TEXT, FieldFormat::Text)]
}

fn tag(written: &Written) -> Tag {
    let rows = written.rows.and_then(|rows| usize::try_from(rows).ok());
    match (written.tag, rows) {
        ("INSERT", Some(rows)) => Tag::new("INSERT").with_oid(0).with_rows(rows),
        (name, Some(rows)) => Tag::new(name).with_rows(rows),
        (name, None) => Tag::new(name),
    }
}

/// A statement, and the values of its parameters that are not in its plan.
struct Bound {
    statement: Arc<Prepared>,
    values: Vec<ScalarValue>,
}

impl Bound {
    fn of(statement: Arc<Prepared>) -> Self {
        Self { statement, values: Vec::new() }
    }
}

/// The statement with the values of a portal.
fn bound(portal: &Portal<Arc<Prepared>>) -> PgWireResult<Bound> {
    let prepared = &portal.statement.statement;
    if portal.parameter_len() == 0 {
        return Ok(Bound::of(Arc::clone(prepared)));
    }
    let types = prepared.parameters().map_err(|error| reported(&error))?;
    let given = &portal.statement.parameter_types;
    // Where neither side says what it is, it is a text.
    let types: Vec<Option<DataType>> = (0..portal.parameter_len())
        .map(|at| {
            let told = given.get(at).cloned().flatten().is_some();
            let known = types.get(at).cloned().flatten().filter(|kind| !kind.is_null());
            known.or_else(|| (!told).then_some(DataType::Utf8))
        })
        .collect();
    let types: Vec<Option<&DataType>> = types.iter().map(Option::as_ref).collect();
    let values = deserialize_parameters(portal, &types)?;
    match (prepared.as_ref(), values) {
        (Prepared::Query(planned, _), values) => {
            let planned = planned.with(values).map_err(|error| reported(&error))?;
            let schema = wire_schema(&planned.schema());
            Ok(Bound::of(Arc::new(Prepared::Query(Box::new(planned), schema))))
        }
        (_, ParamValues::List(values)) => {
            let values = values.into_iter().map(|value| value.value).collect();
            Ok(Bound { statement: Arc::clone(prepared), values })
        }
        (_, ParamValues::Map(_)) => Ok(Bound::of(Arc::clone(prepared))),
    }
}

#[async_trait]
impl SimpleQueryHandler for Queries {
    async fn on_query<C>(&self, client: &mut C, query: Query) -> PgWireResult<()>
    where
        C: ClientInfo + ClientPortalStore + Sink<PgWireBackendMessage> + Unpin + Send + Sync,
        C::PortalStore: PortalStore,
        C::Error: Debug,
        PgWireError: From<<C as Sink<PgWireBackendMessage>>::Error>,
    {
        let words = words(&query.query, 3);
        if words.first().is_some_and(|first| first == "ROLLBACK")
            && words.iter().any(|it| it == "TO")
        {
            leave_failure(client);
        }
        self._on_query(client, query).await?;
        self.connection.transaction.end_message();
        Ok(())
    }

    async fn do_query<C>(&self, client: &mut C, query: &str) -> PgWireResult<Vec<Response>>
    where
        C: ClientInfo + ClientPortalStore + Sink<PgWireBackendMessage> + Unpin + Send + Sync,
        C::PortalStore: PortalStore,
        C::Error: Debug,
        PgWireError: From<<C as Sink<PgWireBackendMessage>>::Error>,
    {
        let texts = statements(query).map_err(|error| reported(&error))?;
        if texts.is_empty() {
            return Ok(vec![Response::EmptyQuery]);
        }
        let transaction = &self.connection.transaction;
        if texts.len() > 1 && transaction.extent() != Extent::Open {
            transaction.begin(Extent::Text);
        }
        let mut responses = Vec::new();
        for text in texts {
            let prepared = Bound::of(Arc::new(self.prepare(text, &[]).await?));
            let store = client.portal_store();
            responses.push(self.answer(&prepared, store, &Format::UnifiedText).await?);
        }
        Ok(responses)
    }
}

#[async_trait]
impl QueryParser for Queries {
    type Statement = Arc<Prepared>;

    async fn parse_sql<C>(
        &self,
        _client: &C,
        sql: &str,
        types: &[Option<Type>],
    ) -> PgWireResult<Self::Statement>
    where
        C: ClientInfo + Unpin + Send + Sync,
    {
        match statements(sql).map_err(|error| reported(&error))?.as_slice() {
            [] => Ok(Arc::new(Prepared::Empty)),
            [text] => Ok(Arc::new(self.prepare(text, types).await?)),
            _ => {
                let what = "a prepared statement is one statement";
                Err(reported(&Error::refused("42601", what)))
            }
        }
    }

    fn get_parameter_types(&self, prepared: &Self::Statement) -> PgWireResult<Vec<Type>> {
        let types = prepared.parameters().map_err(|error| reported(&error))?;
        let kind = |kind: &Option<DataType>| match kind {
            Some(kind) if !kind.is_null() => into_pg_type(kind),
            _ => Ok(Type::TEXT),
        };
        types.iter().map(kind).collect()
    }

    fn get_result_schema(
        &self,
        prepared: &Self::Statement,
        format: Option<&Format>,
    ) -> PgWireResult<Vec<FieldInfo>> {
        match prepared.as_ref() {
            Prepared::Query(_, schema) => {
                arrow_schema_to_pg_fields(schema, format.unwrap_or(&Format::UnifiedText), None)
            }
            Prepared::Show(name) => Ok(shown(name)),
            _ => Ok(vec![]),
        }
    }
}

#[async_trait]
impl ExtendedQueryHandler for Queries {
    type Statement = Arc<Prepared>;
    type QueryParser = Self;

    fn query_parser(&self) -> Arc<Self> {
        Arc::new(Self::new(&self.connection))
    }

    /// Checks what `pgwire` takes for granted.
    async fn on_bind<C>(&self, client: &mut C, message: Bind) -> PgWireResult<()>
    where
        C: ClientInfo + ClientPortalStore + Sink<PgWireBackendMessage> + Unpin + Send + Sync,
        C::PortalStore: PortalStore<Statement = Self::Statement>,
        C::Error: Debug,
        PgWireError: From<<C as Sink<PgWireBackendMessage>>::Error>,
    {
        let name = message.statement_name.as_deref().unwrap_or(DEFAULT_NAME);
        let Some(statement) = client.portal_store().get_statement(name) else {
            return Err(PgWireError::StatementNotFound(name.to_owned()));
        };
        let expected = self.get_parameter_types(&statement.statement)?.len();
        let columns = self.get_result_schema(&statement.statement, None)?.len();
        check_count("parameters", message.parameters.len(), &[expected])?;
        let formats = message.parameter_format_codes.len();
        check_count("formats of parameters", formats, &[0, 1, expected])?;
        let formats = message.result_column_format_codes.len();
        check_count("formats of columns", formats, &[0, 1, columns])?;
        let portal = Portal::try_new(&message, statement)?;
        client.portal_store().put_portal(Arc::new(portal));
        client.send(PgWireBackendMessage::BindComplete(BindComplete::new())).await?;
        Ok(())
    }

    async fn on_sync<C>(&self, client: &mut C, _message: PgSync) -> PgWireResult<()>
    where
        C: ClientInfo + ClientPortalStore + Sink<PgWireBackendMessage> + Unpin + Send + Sync,
        C::PortalStore: PortalStore<Statement = Self::Statement>,
        C::Error: Debug,
        PgWireError: From<<C as Sink<PgWireBackendMessage>>::Error>,
    {
        self.connection.transaction.end_message();
        client.portal_store().rm_portal(DEFAULT_NAME);
        send_ready_for_query(client, client.transaction_status()).await
    }

    async fn do_describe_portal<C>(
        &self,
        _client: &mut C,
        portal: &Portal<Self::Statement>,
    ) -> PgWireResult<DescribePortalResponse>
    where
        C: ClientInfo + ClientPortalStore + Sink<PgWireBackendMessage> + Unpin + Send + Sync,
        C::PortalStore: PortalStore<Statement = Self::Statement>,
        C::Error: Debug,
        PgWireError: From<<C as Sink<PgWireBackendMessage>>::Error>,
    {
        let fields =
            self.get_result_schema(&bound(portal)?.statement, Some(&portal.result_column_format))?;
        Ok(DescribePortalResponse::new(fields))
    }

    /// Sends rows as they come: `pgwire`'s own would hold all of them.
    async fn on_execute<C>(&self, client: &mut C, message: Execute) -> PgWireResult<()>
    where
        C: ClientInfo + ClientPortalStore + Sink<PgWireBackendMessage> + Unpin + Send + Sync,
        C::PortalStore: PortalStore<Statement = Self::Statement>,
        C::Error: Debug,
        PgWireError: From<<C as Sink<PgWireBackendMessage>>::Error>,
    {
        let name = message.name.as_deref().unwrap_or(DEFAULT_NAME);
        let Some(portal) = client.portal_store().get_portal(name) else {
            return Err(PgWireError::PortalNotFound(name.to_owned()));
        };
        if matches!(portal.statement.statement.as_ref(), Prepared::RollBackTo(_)) {
            leave_failure(client);
        }
        if !matches!(portal.statement.statement.as_ref(), Prepared::Query(..)) {
            return self._on_execute(client, message).await;
        }
        if !matches!(client.state(), PgWireConnectionState::ReadyForQuery) {
            return Err(PgWireError::NotReadyForQuery);
        }
        client.set_state(PgWireConnectionState::QueryInProgress);
        let state = portal.state();
        let mut state = state.lock().await;
        if matches!(*state, PortalExecutionState::Initial) {
            match ExtendedQueryHandler::do_query(self, client, &portal, 0).await? {
                Response::Query(rows) => *state = PortalExecutionState::Suspended(rows),
                _ => *state = PortalExecutionState::Finished,
            }
        }
        let most = usize::try_from(message.max_rows).unwrap_or_default();
        let (mut sent, mut has_more) = (0, false);
        if let PortalExecutionState::Suspended(rows) = &mut *state {
            has_more = true;
            while most == 0 || sent < most {
                let Some(row) = rows.data_rows().next().await else {
                    has_more = false;
                    break;
                };
                client.feed(PgWireBackendMessage::DataRow(row?)).await?;
                sent += 1;
            }
        }
        if has_more {
            client.send(PgWireBackendMessage::PortalSuspended(PortalSuspended::new())).await?;
        } else {
            *state = PortalExecutionState::Finished;
            let tag = Tag::new("SELECT").with_rows(sent);
            client.send(PgWireBackendMessage::CommandComplete(tag.into())).await?;
        }
        client.set_state(PgWireConnectionState::ReadyForQuery);
        Ok(())
    }

    async fn do_query<C>(
        &self,
        client: &mut C,
        portal: &Portal<Self::Statement>,
        _max_rows: usize,
    ) -> PgWireResult<Response>
    where
        C: ClientInfo + ClientPortalStore + Sink<PgWireBackendMessage> + Unpin + Send + Sync,
        C::PortalStore: PortalStore<Statement = Self::Statement>,
        C::Error: Debug,
        PgWireError: From<<C as Sink<PgWireBackendMessage>>::Error>,
    {
        let prepared = bound(portal)?;
        self.answer(&prepared, client.portal_store(), &portal.result_column_format).await
    }
}

/// A transaction goes on from a savepoint, which `pgwire` knows nothing of.
fn leave_failure<C: ClientInfo>(client: &mut C) {
    if client.transaction_status() == TransactionStatus::Error {
        client.set_transaction_status(TransactionStatus::Transaction);
    }
}

fn check_count(what: &str, given: usize, right: &[usize]) -> PgWireResult<()> {
    if right.contains(&given) {
        return Ok(());
    }
    let expected = right.last().copied().unwrap_or_default();
    let what = format!("{given} {what} are bound, and the statement has {expected}");
    Err(reported(&Error::refused("08P01", what)))
}
