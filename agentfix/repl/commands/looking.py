"""Commands that look something up."""

from __future__ import annotations

from agentfix.errors import InputError
from agentfix.repl.commands.command import Command
from agentfix.repl.conversation import Conversation, names_of
from agentfix.threads import in_thread

MOST_PASSAGES = 5
PASSAGE_CHARACTERS = 400


async def _plugins(argument: str, conversation: Conversation) -> None:
    for info in conversation.plugins.infos():
        if argument and argument != info.name:
            continue
        state = info.problem or (f"left out: {info.disabled}" if info.disabled else info.about)
        conversation.say(f"{info.name:16} {' '.join(state.split())}", "red" if info.problem else "")
        if argument:
            for part, name in info.parts:
                conversation.say(f"  {part} {name}")


async def _search(argument: str, conversation: Conversation) -> None:
    from agentfix.protocols import SearchEngine  # noqa: PLC0415 - the first prompt comes first

    plugins, (name, _, query) = conversation.plugins, argument.partition(" ")
    if name not in names_of(plugins, "search_engine"):
        name, query = "corpus", argument
    if not query.strip():
        raise InputError("/search needs something to search for.", "Write: /search WORDS")
    engine: object = plugins.build("search_engine", name)
    if not isinstance(engine, SearchEngine):
        raise InputError(f"{name} searches the web, which only a run does.", "Give it the tool: /tools web_search")
    found = await engine.search(query.strip(), MOST_PASSAGES)
    for number, passage in enumerate(found, 1):
        text = " ".join(passage.text.split())
        more = "..." if len(text) > PASSAGE_CHARACTERS else ""
        conversation.say(f"{number}  {passage.title or passage.url}", "bold")
        conversation.say(f"   {text[:PASSAGE_CHARACTERS]}{more}")
    if not found:
        conversation.say(f"Nothing was found in {conversation.settings.corpus}.")


async def _corpus(argument: str, conversation: Conversation) -> None:
    if argument:
        path = conversation.folder / argument
        conversation.change("corpus", str(path) if path.exists() else argument)
        from agentfix.cli.indexing import index_corpus  # noqa: PLC0415 - loads plugins

        with conversation.screen.busy(lambda: f"reading {argument}"):
            await in_thread(index_corpus, conversation.settings)
    conversation.say(f"corpus: {conversation.settings.corpus}. Search it: /search WORDS; have it searched in runs: "
                     "/tools corpus_search, or /kind qa")


COMMANDS = (
    Command("plugins", "[NAME]", "List plugins, or the parts of one.", _plugins,
            lambda conversation: [info.name for info in conversation.plugins.infos()]),
    Command("search", "WORDS", "Search the corpus yourself.", _search),
    Command("corpus", "NAME|PATH", "Choose what corpus_search searches: your own files.", _corpus),
)
