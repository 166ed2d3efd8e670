"""SQLAdmin twice: over an async engine of SQLAlchemy, and over a sync one, on SQLite."""

import tempfile
from pathlib import Path

from fastapi import APIRouter, FastAPI
from sqladmin import Admin, ModelView
from sqlalchemy import ForeignKey, create_engine
from sqlalchemy.ext.asyncio import create_async_engine
from sqlalchemy.orm import DeclarativeBase, Mapped, Session, mapped_column, relationship

from loopviz.scenario import Load, Scenario

USERS = 1_000
folder = tempfile.TemporaryDirectory(prefix="loopviz-sqladmin-")
FILE = Path(folder.name, "users.db")
engine = create_engine(f"sqlite:///{FILE}", connect_args={"check_same_thread": False})


class Base(DeclarativeBase):
    pass


class User(Base):
    __tablename__ = "users"
    id: Mapped[int] = mapped_column(primary_key=True)
    name: Mapped[str]
    addresses: Mapped[list["Address"]] = relationship(back_populates="user")

    def __str__(self) -> str:
        return self.name


class Address(Base):
    __tablename__ = "addresses"
    id: Mapped[int] = mapped_column(primary_key=True)
    city: Mapped[str]
    user_id: Mapped[int] = mapped_column(ForeignKey("users.id"), index=True)
    user: Mapped[User] = relationship(back_populates="addresses")

    def __str__(self) -> str:
        return self.city


class UserAdmin(ModelView, model=User):
    column_list = ("id", "name", "addresses")
    column_searchable_list = ("name",)
    column_sortable_list = ("id", "name")
    page_size = 50


class AddressAdmin(ModelView, model=Address):
    column_list = ("id", "city", "user")


Base.metadata.create_all(engine)
with Session(engine) as session:
    session.add_all(
        User(id=n, name=f"user {n}", addresses=[Address(city=f"city {n % 9}")])
        for n in range(1, USERS + 1)
    )
    session.commit()
engine.dispose()

app = FastAPI()
for at, made in (
    ("/admin", create_async_engine(f"sqlite+aiosqlite:///{FILE}")),
    ("/sync", engine),
):
    admin = Admin(app, made, base_url=at)
    admin.add_view(UserAdmin)
    admin.add_view(AddressAdmin)


scenario = Scenario(
    title="sqladmin",
    lesson="An admin over SQLAlchemy.",
    look=("Is every finding true?",),
    router=APIRouter(),
    middleware=[lambda _: app],
    load=[
        Load("GET /admin/user/list", rps=1),
        Load("GET /admin/user/list?search=9&sortBy=name", rps=1),
        Load("GET /admin/user/details/7", rps=1),
        Load("GET /admin/address/edit/7", rps=0.5),
        Load("GET /admin/address/export/csv", rps=0.2),
        Load("GET /sync/user/list", rps=1),
        Load("GET /sync/user/list?search=9&sortBy=name", rps=1),
        Load("GET /sync/user/details/7", rps=1),
        Load("GET /sync/address/edit/7", rps=0.5),
        Load("GET /sync/address/export/csv", rps=0.2),
    ],
)
