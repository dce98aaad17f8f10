"""A foreachBatch function appends, so a batch that runs again is written again."""

FIRST = "NotInvariant: The answer of bills depends on batches that run again. Let a batch that runs again change nothing: use its number, or MERGE."
SECOND = "With this schedule: send orders[0] | batch | replay"


def bills(orders, run):
    def save(df, batch):
        df.selectExpr("CAST(key AS STRING)").write.mode("append").json(
            run.path + "/out"
        )

    writer = orders.writeStream.option("checkpointLocation", run.checkpoint)
    return writer.foreachBatch(save).start()


def written(run):
    rows = run.spark.read.schema("key STRING").json(run.path + "/out").collect()
    return sorted(row.key for row in rows)


def test_mistake(kafka_check_stream):
    inputs, again = {"orders": [("a", "1")]}, ["replays"]
    kafka_check_stream(bills, inputs, answer=written, same_under=again, trials=2)
