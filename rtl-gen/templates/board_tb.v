// The board's top as a host sees it: bytes of the file `host.txt`, two hexadecimal digits a line, go in on the serial line, a line `-` waiting for an answer first;
// every byte that comes out is printed. It ends when `+answers=N` bytes have come, or when none has for a long time.
module board_tb;
  localparam DIVISOR = {{ divisor }};
  localparam PATIENCE = {{ patience }};
  reg clk = 0, line = 1;
  wire answer;
  integer answers, came = 0, idle = 0, file, got, i;
  reg [8*8:1] word;
  reg [7:0] out, in;
  always #5 clk = !clk;
  // Lamps and constants are left open.
  hardwire_board board (.clk_in(clk), {% if button %}.button(1'b{% if button_low %}1{% else %}0{% endif %}), {% endif %}.uart_in(line), .uart_out(answer));

  task bits; begin repeat (DIVISOR) @(posedge clk); #1; end endtask
  integer waited;
  initial begin
    if (!$value$plusargs("answers=%d", answers)) answers = 1;
    file = $fopen("host.txt", "r");
    repeat (64) @(posedge clk);
    #1;
    while ($fscanf(file, "%s", word) == 1) begin
      if (word == "-") begin
        waited = came;
        while (came == waited) @(posedge clk);
        #1;
      end else begin
        got = $sscanf(word, "%h", out);
        line = 0; bits;
        for (i = 0; i < 8; i = i + 1) begin line = out[i]; bits; end
        line = 1; bits;
      end
    end
  end

  integer j;
  always begin
    @(negedge answer);
    repeat (DIVISOR / 2) @(posedge clk);
    for (j = 0; j < 8; j = j + 1) begin
      repeat (DIVISOR) @(posedge clk);
      in[j] = answer;
    end
    repeat (DIVISOR) @(posedge clk);
    $display("byte %h", in);
    came = came + 1;
    idle = 0;
    if (came == answers) $finish;
  end
  always @(posedge clk) begin
    idle = idle + 1;
    if (idle > PATIENCE) begin
      $display("error no byte in %0d cycles", PATIENCE);
      $fatal(1);
    end
  end
endmodule
