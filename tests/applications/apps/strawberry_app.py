"""A GraphQL API of Strawberry: nested resolvers over SQLite, with a dataloader for each request."""

import sqlite3
import tempfile
from contextlib import asynccontextmanager
from pathlib import Path

import aiosqlite
import strawberry
from fastapi import APIRouter
from strawberry.dataloader import DataLoader
from strawberry.fastapi import GraphQLRouter

from loopviz.scenario import Load, Scenario

AUTHORS, BOOKS = 100, 2_000
folder = tempfile.TemporaryDirectory(prefix="loopviz-strawberry-")
FILE = Path(folder.name, "library.db")
db: aiosqlite.Connection


def make() -> None:
    """A library."""
    with sqlite3.connect(FILE) as library:
        library.execute("create table authors (id integer primary key, name text)")
        library.execute("create table books (id integer primary key, title text, author integer)")
        library.executemany(
            "insert into authors values (?, ?)", [(n, f"author {n}") for n in range(AUTHORS)]
        )
        library.executemany(
            "insert into books values (?, ?, ?)",
            [(n, f"book {n}", n % AUTHORS) for n in range(BOOKS)],
        )
    library.close()


make()


@asynccontextmanager
async def lifespan(_app):
    global db
    async with aiosqlite.connect(FILE) as db:
        yield


@strawberry.type
class Author:
    id: int
    name: str

    @strawberry.field
    async def books(self, first: int = 5) -> list["Book"]:
        query = "select id, title, author from books where author = ? limit ?"
        return books_of(await db.execute_fetchall(query, (self.id, first)))


@strawberry.type
class Book:
    id: int
    title: str
    author_id: strawberry.Private[int]

    @strawberry.field
    async def author(self, info: strawberry.Info) -> Author:
        return await info.context["authors"].load(self.author_id)


def books_of(rows) -> list[Book]:
    return [Book(id=number, title=title, author_id=author) for number, title, author in rows]


async def load_authors(ids: list[int]) -> list[Author]:
    marks = ",".join("?" * len(ids))
    query = f"select id, name from authors where id in ({marks})"
    rows = await db.execute_fetchall(query, ids)
    found = {number: Author(id=number, name=name) for number, name in rows}
    return [found[number] for number in ids]


@strawberry.type
class Query:
    @strawberry.field
    async def books(self, first: int = 20) -> list[Book]:
        query = "select id, title, author from books limit ?"
        return books_of(await db.execute_fetchall(query, (first,)))

    @strawberry.field
    def version(self) -> str:
        return strawberry.__name__


async def context():
    return {"authors": DataLoader(load_authors)}


router = APIRouter()
router.include_router(
    GraphQLRouter(strawberry.Schema(Query), context_getter=context), prefix="/graphql"
)


scenario = Scenario(
    title="strawberry",
    lesson="Nested objects, each field with a resolver.",
    look=("Is every finding true?",),
    router=router,
    lifespan=lifespan,
    load=[
        Load("GET /graphql?query=%7Bversion%7D", rps=10),
        Load("GET /graphql?query=%7Bbooks%7Btitle,author%7Bname%7D%7D%7D", rps=5),
        Load("GET /graphql?query=%7Bbooks(first:500)%7Bid,title,author%7Bname%7D%7D%7D", rps=2),
        Load(
            "GET /graphql?query=%7Bbooks(first:10)%7Bauthor%7Bname,books%7Btitle%7D%7D%7D%7D",
            rps=2,
        ),
    ],
)
