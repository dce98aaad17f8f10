"""A foreachBatch function dies of a batch that it has written."""

from pathlib import Path

FIRST = "NotInvariant: The answer of bills depends on batches that run again. It dies: StreamingQueryException: FileExistsError: [Errno 17] File exists: 'FOLDER/out/1' (in save, check_stream_refuses_a_batch_again.py:LINE: folder.mkdir(parents=True))"
SECOND = "With this schedule: send orders[0] | batch | replay"


def bills(orders, run):
    def save(df, batch):
        folder = Path(run.path, str(batch))
        folder.mkdir(parents=True)
        (folder / "bills").write_text(str(df.count()))

    writer = orders.writeStream.option("checkpointLocation", run.checkpoint)
    return writer.foreachBatch(save).start()


def written(run):
    files = Path(run.path).glob("*/bills")
    return sorted(file.read_text() for file in files)


def test_mistake(kafka_check_stream):
    inputs, again = {"orders": [("a", "1")]}, ["replays"]
    kafka_check_stream(bills, inputs, answer=written, same_under=again, trials=2)
