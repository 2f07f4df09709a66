//! Arrow Flight SQL: statements, prepared statements with parameters, and what there is to read.
//!
//! Every request has the token as its bearer, or as the password of a user of any name. A statement is planned when a
//! client asks what it has, and runs when it asks for the rows; it is stopped as a statement of PostgreSQL is. One that
//! writes runs at once, so that it is done whether or not somebody asks how many rows it wrote.

mod auth;
mod metadata;
mod rows;
mod statements;
mod waiting;

use std::pin::Pin;
use std::sync::Arc;

use arrow_flight::flight_service_server::{FlightService, FlightServiceServer};
use arrow_flight::sql::server::{FlightSqlService, PeekableFlightDataStream};
use arrow_flight::sql::{
    ActionCancelQueryRequest, ActionCancelQueryResult, ActionClosePreparedStatementRequest,
    ActionCreatePreparedStatementRequest, ActionCreatePreparedStatementResult, CommandGetCatalogs,
    CommandGetDbSchemas, CommandGetSqlInfo, CommandGetTableTypes, CommandGetTables,
    CommandPreparedStatementQuery, CommandPreparedStatementUpdate, CommandStatementQuery,
    CommandStatementUpdate, DoPutPreparedStatementResult, SqlInfo, TicketStatementQuery,
};
use arrow_flight::{
    Action, FlightDescriptor, FlightEndpoint, FlightInfo, HandshakeRequest, HandshakeResponse,
    IpcMessage, SchemaAsIpc, Ticket,
};
use datafusion::arrow::datatypes::{DataType, Field, Schema};
use datafusion::arrow::ipc::writer::IpcWriteOptions;
use datafusion::common::ScalarValue;
use futures::{Stream, StreamExt, stream};
use tokio::net::TcpListener;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tonic::metadata::errors::InvalidMetadataValue;
use tonic::metadata::{Ascii, MetadataValue};
use tonic::service::interceptor::InterceptedService;
use tonic::transport::server::{Router, TcpIncoming};
use tonic::transport::{Server, ServerTlsConfig};
use tonic::{Request, Response, Status, Streaming};

use self::auth::Gate;
use self::rows::status;
use self::statements::{Asked, Prepared, counted, values};
use self::waiting::{MOST, Waiting, new_handle};
use crate::limits::Stop;
use crate::query::Planned;
use crate::service::Service;
use crate::text::{numbered, statements};
use crate::write::Write;
use crate::{Error, Result};

/// Of a statement that is sent to write.
const ONLY_READS: &str = "the statement only reads, or this server does; hint: send it as a query, or start the server with --write";

type Answer<T> = Result<Response<T>, Status>;
type Rows = <Flight as FlightService>::DoGetStream;
type Handshakes = Pin<Box<dyn Stream<Item = Result<HandshakeResponse, Status>> + Send>>;

/// What answers requests, ready to serve.
pub(crate) fn router(tls: Option<ServerTlsConfig>, service: &Arc<Service>) -> Result<Router> {
    let flight = Flight {
        places: Arc::new(Semaphore::new(service.limits.max_connections)),
        service: Arc::clone(service),
        statements: Waiting::default(),
        prepared: Waiting::default(),
        running: Arc::default(),
    };
    let gated =
        InterceptedService::new(FlightServiceServer::new(flight), Gate(Arc::clone(service)));
    let mut server = Server::builder();
    if let Some(tls) = tls {
        let failed = |error: tonic::transport::Error| Error::Options {
            what: format!("cannot serve with TLS: {error}"),
        };
        server = server.tls_config(tls).map_err(failed)?;
    }
    Ok(server.add_service(gated))
}

/// Serves until the server ends, and all statements have.
pub(crate) async fn serve(listener: TcpListener, router: Router, service: Arc<Service>) {
    let stop = Stop::new(service.phase.clone());
    let ending = async move { stop.ending().await };
    let incoming = TcpIncoming::from(listener).with_nodelay(Some(true));
    // What fails here are connections, which are gone.
    drop(router.serve_with_incoming_shutdown(incoming, ending).await);
}

struct Flight {
    service: Arc<Service>,
    /// One for each statement that runs.
    places: Arc<Semaphore>,
    /// What clients were told about, and may ask the rows of.
    statements: Waiting<Asked>,
    prepared: Waiting<Prepared>,
    running: Arc<rows::Running>,
}

impl Flight {
    fn place(&self) -> Result<OwnedSemaphorePermit, Status> {
        let Ok(place) = Arc::clone(&self.places).try_acquire_owned() else {
            let most = self.service.limits.max_connections;
            let what = format!("too many statements: this server runs {most} at a time");
            return Err(Status::resource_exhausted(what));
        };
        Ok(place)
    }

    /// The rows, with what can stop them under `handle`.
    fn rows(&self, planned: &Planned, handle: String) -> Answer<Rows> {
        let place = self.place()?;
        let stop = Stop::new(self.service.phase.clone());
        let entry = self.running.enter(handle, stop.clone());
        let timeout = self.service.limits.statement_timeout;
        let batches = planned.run(&self.service);
        let ends = async move { stop.fired(timeout).await };
        Ok(Response::new(rows::sent(planned.schema(), batches, ends, (place, entry))))
    }

    /// Writes; how many rows are new, changed or gone.
    async fn write(&self, write: &Write, values: Vec<ScalarValue>) -> Result<u64, Status> {
        let _place = self.place()?;
        let stop = Stop::new(self.service.phase.clone());
        let written = tokio::select! {
            biased;
            error = stop.fired(self.service.limits.statement_timeout) => Err(error),
            written = write.run(&self.service, values) => written,
        };
        let written = written.map_err(|error| status(&error))?;
        Ok(written.rows.unwrap_or_default())
    }

    /// The prepared statement of a handle.
    fn prepared(&self, handle: &[u8]) -> Result<(String, Prepared), Status> {
        let handle = String::from_utf8_lossy(handle).into_owned();
        match self.prepared.get(&handle) {
            Some(prepared) => Ok((handle, prepared)),
            None => Err(Status::not_found(format!(
                "no such prepared statement: it was closed, or is among those that nobody has used for longest, of \
                 which {MOST} are kept; hint: prepare it again, and close those that are done"
            ))),
        }
    }
}

fn count(rows: u64) -> i64 {
    i64::try_from(rows).unwrap_or(i64::MAX)
}

fn info(descriptor: FlightDescriptor, schema: &Schema, ticket: Ticket) -> Answer<FlightInfo> {
    let endpoint = FlightEndpoint::new().with_ticket(ticket);
    let info = FlightInfo::new()
        .try_with_schema(schema)
        .map_err(|error| status(&error.into()))?
        .with_descriptor(descriptor)
        .with_endpoint(endpoint);
    Ok(Response::new(info))
}

/// About what the descriptor itself asks for.
fn info_of_command(descriptor: FlightDescriptor, schema: &Schema) -> Answer<FlightInfo> {
    let ticket = Ticket::new(descriptor.cmd.clone());
    info(descriptor, schema, ticket)
}

fn ipc(schema: &Schema) -> Result<IpcMessage, Status> {
    let options = IpcWriteOptions::default();
    IpcMessage::try_from(SchemaAsIpc::new(schema, &options)).map_err(|error| status(&error.into()))
}

#[tonic::async_trait]
impl FlightSqlService for Flight {
    type FlightService = Self;

    async fn do_handshake(&self, _: Request<Streaming<HandshakeRequest>>) -> Answer<Handshakes> {
        // Who comes so far has the token.
        let token = self.service.token.clone();
        let wrong = |error: InvalidMetadataValue| {
            Status::internal(format!("the token is no header: {error}"))
        };
        let bearer: MetadataValue<Ascii> = format!("Bearer {token}").parse().map_err(wrong)?;
        let answer = HandshakeResponse { protocol_version: 0, payload: token.into() };
        let answers: Handshakes = stream::iter([Ok(answer)]).boxed();
        let mut response = Response::new(answers);
        response.metadata_mut().insert("authorization", bearer);
        Ok(response)
    }

    async fn get_flight_info_statement(
        &self,
        query: CommandStatementQuery,
        request: Request<FlightDescriptor>,
    ) -> Answer<FlightInfo> {
        let mut asked = Asked::of(&self.service, &query.query).await?;
        if let Asked::Writes(write) = &asked {
            asked = Asked::Done(self.write(write, Vec::new()).await?);
        }
        let schema = asked.schema();
        let handle = new_handle().map_err(|error| status(&error))?;
        let ticket =
            rows::ticket(&TicketStatementQuery { statement_handle: handle.clone().into() });
        self.statements.put(handle, asked);
        info(request.into_inner(), &schema, ticket)
    }

    async fn do_get_statement(
        &self,
        ticket: TicketStatementQuery,
        _: Request<Ticket>,
    ) -> Answer<Rows> {
        let handle = String::from_utf8_lossy(&ticket.statement_handle).into_owned();
        match self.statements.take(&handle) {
            Some(Asked::Reads(planned)) => self.rows(&planned, handle),
            Some(Asked::Done(rows)) => rows::whole(Ok(counted(rows))),
            Some(Asked::Writes(_)) | None => Err(Status::not_found(format!(
                "no such statement: its rows were asked for before, or {MOST} others were sent since and their rows \
                 not asked for; hint: send it again"
            ))),
        }
    }

    async fn do_put_statement_update(
        &self,
        query: CommandStatementUpdate,
        _: Request<PeekableFlightDataStream>,
    ) -> Result<i64, Status> {
        match Asked::of(&self.service, &query.query).await? {
            Asked::Writes(write) => Ok(count(self.write(&write, Vec::new()).await?)),
            Asked::Reads(_) | Asked::Done(_) => Err(Status::invalid_argument(ONLY_READS)),
        }
    }

    async fn do_action_create_prepared_statement(
        &self,
        query: ActionCreatePreparedStatementRequest,
        _: Request<Action>,
    ) -> Result<ActionCreatePreparedStatementResult, Status> {
        statements(&query.query).map_err(|error| status(&error))?;
        let asked = Asked::of(&self.service, &numbered(&query.query)).await?;
        let parameter = |(at, kind): (usize, &Option<DataType>)| {
            Field::new(format!("${}", at + 1), kind.clone().unwrap_or(DataType::Null), true)
        };
        let types = asked.parameters()?;
        let parameters: Vec<Field> = types.iter().enumerate().map(parameter).collect();
        let handle = new_handle().map_err(|error| status(&error))?;
        let result = ActionCreatePreparedStatementResult {
            prepared_statement_handle: handle.clone().into(),
            dataset_schema: ipc(&asked.schema())?.0,
            parameter_schema: ipc(&Schema::new(parameters))?.0,
        };
        self.prepared.put(handle, Prepared::new(asked));
        Ok(result)
    }

    async fn do_action_close_prepared_statement(
        &self,
        query: ActionClosePreparedStatementRequest,
        _: Request<Action>,
    ) -> Result<(), Status> {
        let handle = String::from_utf8_lossy(&query.prepared_statement_handle).into_owned();
        drop(self.prepared.take(&handle));
        Ok(())
    }

    async fn do_put_prepared_statement_query(
        &self,
        query: CommandPreparedStatementQuery,
        request: Request<PeekableFlightDataStream>,
    ) -> Result<DoPutPreparedStatementResult, Status> {
        let (handle, prepared) = self.prepared(&query.prepared_statement_handle)?;
        let mut rows = values(&prepared.asked.parameters()?, request).await?;
        let values = rows.pop().unwrap_or_default();
        if !rows.is_empty() {
            return Err(Status::invalid_argument("several rows of values are bound: bind one"));
        }
        self.prepared.put(handle.clone(), prepared.with(values)?);
        Ok(DoPutPreparedStatementResult { prepared_statement_handle: Some(handle.into()) })
    }

    async fn do_put_prepared_statement_update(
        &self,
        query: CommandPreparedStatementUpdate,
        request: Request<PeekableFlightDataStream>,
    ) -> Result<i64, Status> {
        let (_, prepared) = self.prepared(&query.prepared_statement_handle)?;
        let Asked::Writes(write) = &prepared.asked else {
            return Err(Status::invalid_argument(ONLY_READS));
        };
        let mut rows = values(write.parameters(), request).await?;
        if rows.is_empty() {
            rows.push(prepared.values);
        }
        let mut written = 0;
        for values in rows {
            written += self.write(write, values).await?;
        }
        Ok(count(written))
    }

    async fn get_flight_info_prepared_statement(
        &self,
        query: CommandPreparedStatementQuery,
        request: Request<FlightDescriptor>,
    ) -> Answer<FlightInfo> {
        let (handle, mut prepared) = self.prepared(&query.prepared_statement_handle)?;
        let schema = match (&prepared.asked, &prepared.bound) {
            (Asked::Writes(write), _) => {
                let written = self.write(write, prepared.values.clone()).await?;
                prepared.done = Some(written);
                counted(written).schema()
            }
            (_, Some(bound)) => bound.schema(),
            (asked, None) => asked.schema(),
        };
        self.prepared.put(handle, prepared);
        info_of_command(request.into_inner(), &schema)
    }

    async fn do_get_prepared_statement(
        &self,
        query: CommandPreparedStatementQuery,
        _: Request<Ticket>,
    ) -> Answer<Rows> {
        let (handle, prepared) = self.prepared(&query.prepared_statement_handle)?;
        match (&prepared.asked, &prepared.bound) {
            (Asked::Reads(planned), None) => self.rows(planned, handle),
            (_, Some(bound)) => self.rows(bound, handle),
            _ => match prepared.done {
                Some(written) => rows::whole(Ok(counted(written))),
                None => Err(Status::failed_precondition(
                    "the statement has not run: ask for its FlightInfo first",
                )),
            },
        }
    }

    async fn do_action_cancel_query(
        &self,
        query: ActionCancelQueryRequest,
        _: Request<Action>,
    ) -> Result<ActionCancelQueryResult, Status> {
        match self.running.cancel(&query.info) {
            // `CANCELLED`
            true => Ok(ActionCancelQueryResult { result: 1 }),
            false => Err(Status::not_found("no such statement runs")),
        }
    }

    async fn do_action_fallback(
        &self,
        request: Request<Action>,
    ) -> Answer<<Self as FlightService>::DoActionStream> {
        let action = request.into_inner();
        if action.r#type != "CancelFlightInfo" {
            return Err(Status::unimplemented(format!("unknown action `{}`", action.r#type)));
        }
        if !self.running.cancel(&action.body) {
            return Err(Status::not_found("no such statement runs"));
        }
        // A message whose first field, the status, is `CANCELLED`.
        let answer = arrow_flight::Result { body: vec![0x08, 0x01].into() };
        Ok(Response::new(stream::iter([Ok(answer)]).boxed()))
    }

    async fn get_flight_info_catalogs(
        &self,
        query: CommandGetCatalogs,
        request: Request<FlightDescriptor>,
    ) -> Answer<FlightInfo> {
        info_of_command(request.into_inner(), &query.into_builder().schema())
    }

    async fn do_get_catalogs(&self, query: CommandGetCatalogs, _: Request<Ticket>) -> Answer<Rows> {
        rows::whole(metadata::catalogs(&self.service, query))
    }

    async fn get_flight_info_schemas(
        &self,
        query: CommandGetDbSchemas,
        request: Request<FlightDescriptor>,
    ) -> Answer<FlightInfo> {
        info_of_command(request.into_inner(), &query.into_builder().schema())
    }

    async fn do_get_schemas(&self, query: CommandGetDbSchemas, _: Request<Ticket>) -> Answer<Rows> {
        rows::whole(metadata::schemas(&self.service, query).await)
    }

    async fn get_flight_info_tables(
        &self,
        query: CommandGetTables,
        request: Request<FlightDescriptor>,
    ) -> Answer<FlightInfo> {
        info_of_command(request.into_inner(), &query.into_builder().schema())
    }

    async fn do_get_tables(&self, query: CommandGetTables, _: Request<Ticket>) -> Answer<Rows> {
        rows::whole(metadata::tables(&self.service, query).await)
    }

    async fn get_flight_info_table_types(
        &self,
        query: CommandGetTableTypes,
        request: Request<FlightDescriptor>,
    ) -> Answer<FlightInfo> {
        info_of_command(request.into_inner(), &query.into_builder().schema())
    }

    async fn do_get_table_types(
        &self,
        query: CommandGetTableTypes,
        _: Request<Ticket>,
    ) -> Answer<Rows> {
        rows::whole(metadata::table_types(query))
    }

    async fn get_flight_info_sql_info(
        &self,
        query: CommandGetSqlInfo,
        request: Request<FlightDescriptor>,
    ) -> Answer<FlightInfo> {
        let infos = metadata::sql_infos(&self.service).map_err(|error| status(&error))?;
        info_of_command(request.into_inner(), &query.into_builder(&infos).schema())
    }

    async fn do_get_sql_info(&self, query: CommandGetSqlInfo, _: Request<Ticket>) -> Answer<Rows> {
        let infos = metadata::sql_infos(&self.service).map_err(|error| status(&error))?;
        rows::whole(query.into_builder(&infos).build().map_err(Error::from))
    }

    async fn register_sql_info(&self, _id: i32, _result: &SqlInfo) {}
}
