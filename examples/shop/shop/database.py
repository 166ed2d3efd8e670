"""The database: five connections for everything."""

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncSession, async_sessionmaker, create_async_engine
from sqlalchemy.pool import AsyncAdaptedQueuePool

engine = create_async_engine(
    "sqlite+aiosqlite:///file:shop?mode=memory&cache=shared&uri=true",
    poolclass=AsyncAdaptedQueuePool,
    pool_size=5,
    max_overflow=0,
    pool_timeout=60,
)
sessions = async_sessionmaker(engine, class_=AsyncSession, expire_on_commit=False)


async def create() -> None:
    """Create the tables."""
    async with engine.begin() as connection:
        for table in ("orders (id INTEGER PRIMARY KEY, item TEXT)", "audit (entry TEXT)"):
            await connection.execute(text(f"CREATE TABLE IF NOT EXISTS {table}"))
